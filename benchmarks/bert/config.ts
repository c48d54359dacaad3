/** Sizes of an encoder. */
export interface BertConfig {
  layers: number;
  hidden: number;
  heads: number;
  feedForward: number;
  vocabulary: number;
  positions: number;
  types: number;
}

/** BERT-base (Devlin et al., 2018). */
export const BERT_BASE: BertConfig = {
  layers: 12,
  hidden: 768,
  heads: 12,
  feedForward: 3072,
  vocabulary: 30_522,
  positions: 512,
  types: 2,
};

/**
 * Tensors of an encoder in the order of the published checkpoint, with their shapes. Names are those of `bert-base-uncased`
 * without their prefix "bert.".
 */
export function tensorShapes(config: BertConfig): [name: string, shape: number[]][] {
  const { hidden, feedForward } = config;
  const norm = (name: string): [string, number[]][] => [
    [`${name}.LayerNorm.gamma`, [hidden]],
    [`${name}.LayerNorm.beta`, [hidden]],
  ];
  const linear = (name: string, out: number, input: number): [string, number[]][] => [
    [`${name}.weight`, [out, input]],
    [`${name}.bias`, [out]],
  ];
  return [
    ["embeddings.word_embeddings.weight", [config.vocabulary, hidden]],
    ["embeddings.position_embeddings.weight", [config.positions, hidden]],
    ["embeddings.token_type_embeddings.weight", [config.types, hidden]],
    ...norm("embeddings"),
    ...Array.from({ length: config.layers }, (_, i) => `encoder.layer.${i}`).flatMap((layer) => [
      ...linear(`${layer}.attention.self.query`, hidden, hidden),
      ...linear(`${layer}.attention.self.key`, hidden, hidden),
      ...linear(`${layer}.attention.self.value`, hidden, hidden),
      ...linear(`${layer}.attention.output.dense`, hidden, hidden),
      ...norm(`${layer}.attention.output`),
      ...linear(`${layer}.intermediate.dense`, feedForward, hidden),
      ...linear(`${layer}.output.dense`, hidden, feedForward),
      ...norm(`${layer}.output`),
    ]),
    ...linear("pooler.dense", hidden, hidden),
  ];
}

export const elements = (shape: number[]): number => shape.reduce((product, size) => product * size, 1);
