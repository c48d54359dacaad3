"""Hidden states of an encoder by PyTorch's own layers: reference.py WEIGHTS CONFIG_JSON IDS_JSON"""
import json
import sys

import torch

path, config, ids = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
with open(path, "rb") as file:
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
    data = bytearray(file.read())


def tensor(name):
    entry = header["bert." + name]
    start, end = entry["data_offsets"]
    return torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start).reshape(entry["shape"])


with torch.no_grad():
    embeddings = "embeddings.%s_embeddings.weight"
    x = (
        tensor(embeddings % "word")[ids]
        + tensor(embeddings % "position")[: len(ids)]
        + tensor(embeddings % "token_type")[0]
    )
    x = torch.nn.functional.layer_norm(
        x, [config["hidden"]], tensor("embeddings.LayerNorm.gamma"), tensor("embeddings.LayerNorm.beta"), 1e-12
    )
    x = x.unsqueeze(0)
    for i in range(config["layers"]):
        layer = torch.nn.TransformerEncoderLayer(
            config["hidden"],
            config["heads"],
            config["feedForward"],
            dropout=0.0,
            activation="gelu",
            layer_norm_eps=1e-12,
            batch_first=True,
        )
        name = "encoder.layer.%d." % i
        parts = ["query", "key", "value"]
        state = {
            "self_attn.in_proj_weight": torch.cat([tensor(name + "attention.self.%s.weight" % p) for p in parts]),
            "self_attn.in_proj_bias": torch.cat([tensor(name + "attention.self.%s.bias" % p) for p in parts]),
            "self_attn.out_proj.weight": tensor(name + "attention.output.dense.weight"),
            "self_attn.out_proj.bias": tensor(name + "attention.output.dense.bias"),
            "linear1.weight": tensor(name + "intermediate.dense.weight"),
            "linear1.bias": tensor(name + "intermediate.dense.bias"),
            "linear2.weight": tensor(name + "output.dense.weight"),
            "linear2.bias": tensor(name + "output.dense.bias"),
            "norm1.weight": tensor(name + "attention.output.LayerNorm.gamma"),
            "norm1.bias": tensor(name + "attention.output.LayerNorm.beta"),
            "norm2.weight": tensor(name + "output.LayerNorm.gamma"),
            "norm2.bias": tensor(name + "output.LayerNorm.beta"),
        }
        layer.load_state_dict(state)
        layer.train()  # the plain path, not the fused one; there is no dropout
        x = layer(x)
    print(json.dumps(x[0].tolist()))
