/** Melville, "Moby-Dick" (1851), its first paragraph: public domain. */
const TEXT =
  "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world. It is a way I have of driving off the spleen and regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before coffin warehouses, and bringing up the rear of every funeral I meet; then, I account it high time to get to sea as soon as I can.";
const SLICE = 20;

export const input = (random: () => number) => {
  const start = Math.floor(random() * (TEXT.length - SLICE));
  return { input_en: TEXT.slice(start, start + SLICE) };
};
