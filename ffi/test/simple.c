/* SPDX-License-Identifier: Apache-2.0
 * A program whose answer is known: fills memory, idles, checks it, changes it, again; and executes itself as often as it is told. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? (size_t)atol(argv[1]) : 4096;
	int rounds = argc > 2 ? atoi(argv[2]) : 20;
	uint64_t *memory = malloc(pages * 4096), version = 1;
	if (!memory)
		return 2;
	for (size_t i = 0; i < pages * 512; i++)
		memory[i] = i * 0x9e3779b97f4a7c15ull + version;
	for (int round = 0; round < rounds; round++) {
		usleep(30000);
		for (size_t i = 0; i < pages * 512; i++) {
			if (memory[i] != i * 0x9e3779b97f4a7c15ull + version) {
				printf("round %d word %zu is %lx\n", round, i, (unsigned long)memory[i]);
				return 1;
			}
			memory[i]++;
		}
		version++;
	}
	if (argc > 3 && atoi(argv[3]) > 0) {
		char left[16];
		snprintf(left, sizeof(left), "%d", atoi(argv[3]) - 1);
		execl("/proc/self/exe", argv[0], argv[1], argv[2], left, (char *)NULL);
		return 3;
	}
	puts("equal");
	return 0;
}
