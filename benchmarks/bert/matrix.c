/* SPDX-License-Identifier: Apache-2.0
 * The one hot loop of the `bert` function: y = x W' + b, with few rows in x and a large W. */
#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))
#define ROWS 4 /* of x at once: each row of W is read from memory once for all of them */

static void rows_portable(const float *x, const float *w, const float *b, float *y, size_t rows, size_t in, size_t out)
{
	for (size_t o = 0; o < out; o++) {
		for (size_t r = 0; r < rows; r++) {
			/* Eight sums, as the wide version has them: one would be slower and less exact. */
			float sum[8] = {0}, total = b ? b[o] : 0;
			size_t i = 0;
			for (; i + 8 <= in; i += 8)
				for (size_t k = 0; k < 8; k++)
					sum[k] += x[r * in + i + k] * w[o * in + i + k];
			for (; i < in; i++)
				total += x[r * in + i] * w[o * in + i];
			for (size_t k = 0; k < 8; k++)
				total += sum[k];
			y[r * out + o] = total;
		}
	}
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static float sum_of(__m256 v)
{
	__m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	half = _mm_add_ps(half, _mm_movehl_ps(half, half));
	return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

__attribute__((target("avx2,fma"))) static void rows_avx2(const float *x, const float *w, const float *b, float *y, size_t rows, size_t in, size_t out)
{
	for (size_t o = 0; o < out; o++) {
		const float *weight = w + o * in;
		for (size_t first = 0; first < rows; first += ROWS) {
			size_t count = rows - first < ROWS ? rows - first : ROWS;
			__m256 sum[ROWS] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
			size_t i = 0;
			if (count == ROWS) {
				for (; i + 8 <= in; i += 8) {
					__m256 v = _mm256_loadu_ps(weight + i);
					for (size_t r = 0; r < ROWS; r++)
						sum[r] = _mm256_fmadd_ps(v, _mm256_loadu_ps(x + (first + r) * in + i), sum[r]);
				}
			} else {
				for (; i + 8 <= in; i += 8) {
					__m256 v = _mm256_loadu_ps(weight + i);
					for (size_t r = 0; r < count; r++)
						sum[r] = _mm256_fmadd_ps(v, _mm256_loadu_ps(x + (first + r) * in + i), sum[r]);
				}
			}
			for (size_t r = 0; r < count; r++) {
				float total = sum_of(sum[r]) + (b ? b[o] : 0);
				for (size_t k = i; k < in; k++)
					total += x[(first + r) * in + k] * weight[k];
				y[(first + r) * out + o] = total;
			}
		}
	}
}
#endif

/* y (rows x out) = x (rows x in) times the transpose of w (out x in), plus b (out values, or NULL). `portable` != 0
 * leaves out the processor's wide instructions, for tests. */
API void fb_linear(const float *x, const float *w, const float *b, float *y, uint32_t rows, uint32_t in, uint32_t out, uint32_t portable)
{
#if defined(__x86_64__)
	if (!portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		rows_avx2(x, w, b, y, rows, in, out);
		return;
	}
#else
	(void)portable;
#endif
	rows_portable(x, w, b, y, rows, in, out);
}
