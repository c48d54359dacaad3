/** Files that src/assets.ts embeds: a path. */
declare module "*.so" {
  const path: string;
  export default path;
}
declare module "*.bundle" {
  const path: string;
  export default path;
}
declare module "*.program" {
  const path: string;
  export default path;
}
declare module "*.blob" {
  const path: string;
  export default path;
}
declare module "*.woff" {
  const path: string;
  export default path;
}
declare module "*.wasm" {
  const path: string;
  export default path;
}
declare module "*.pack" {
  const path: string;
  export default path;
}
