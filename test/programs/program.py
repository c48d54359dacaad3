"""Allocates, frees, maps, unmaps, remaps and forks; prints one line for each line read, the same every time."""
import hashlib
import mmap
import os
import sys

held = {}
maps = []
state = 12345


def rand(n):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % n


def block(seed, size):
    return hashlib.shake_128(seed.to_bytes(8, "little")).digest(size)


for index in range(300):
    held[index] = block(index, 64 * 1024)

for number, line in enumerate(sys.stdin):
    for _ in range(60):
        key = rand(400)
        if key in held and rand(3) == 0:
            del held[key]
        else:
            held[key] = block(key * 1000 + number, 1024 + rand(120_000))
    area = mmap.mmap(-1, 4096 * (1 + rand(200)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.write(block(number, min(len(area), 100_000)))
    maps.append(area)
    if len(maps) > 6:
        maps.pop(rand(len(maps))).close()
    chosen = rand(len(maps))
    maps[chosen].resize(4096 * (1 + rand(300)))
    if rand(2) and hasattr(mmap, "MADV_DONTNEED"):
        maps[rand(len(maps))].madvise(mmap.MADV_DONTNEED, 0, 4096)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        digest = hashlib.sha256()
        for key in sorted(held):
            digest.update(held[key])
        held[0] = b"changed in the child only"
        os.write(write_end, digest.digest())
        os._exit(0)
    os.waitpid(child, 0)
    digest = hashlib.sha256(os.read(read_end, 32))
    os.close(read_end)
    os.close(write_end)
    for key in sorted(held):
        digest.update(held[key])
    for area in maps:
        digest.update(area[:])
    print(number, digest.hexdigest(), flush=True)
