/* SPDX-License-Identifier: Apache-2.0 */
/* Soft-float arithmetic and conversions through printf; failure: long multiplies, CLZ, carries, 64-bit shifts. */
#include <math.h>
#include <stdlib.h>

#include "guest.h"

static double mandel(double cr, double ci)
{
	double r = 0, i = 0;
	int n = 0;

	for (; n < 20 && r * r + i * i < 4; n++) {
		double t = r * r - i * i + cr;
		i = 2 * r * i + ci;
		r = t;
	}
	return n;
}

int main(void)
{
	static const double samples[] = { 0.0, -0.0, 1.0, -1.5, 1e-310, 1e308, 3.14159265358979, 123456789.125, 4294967295.0, -2147483648.0, INFINITY, NAN };
	volatile double x, y;
	volatile float f;
	double sum = 0;

	for (unsigned i = 0; i < ARRAY_LEN(samples); i++) {
		x = samples[i];
		f = (float)x;
		printf("%g %.10e %a float %.7g sqrt %.12g\n", x, x, x, (double)f, sqrt(fabs(x)));
	}
	for (unsigned i = 0; i + 1 < ARRAY_LEN(samples) - 2; i++) {
		x = samples[i], y = samples[i + 1];
		printf("%.15g %.15g %.15g %.15g lt %d eq %d\n", x + y, x - y, x * y, x / y, x < y, x == y);
	}
	for (x = -2.5; x < 3; x += 0.75)
		printf("%.2f: int %d uint %u ll %lld float %d floor %.0f fmod %.4f\n", x, (int)x, (unsigned)(int)(x + 3), (long long)(x * 1e12),
		       (int)(float)x, floor(x), fmod(x, 0.6));
	x = 2;
	printf("sin %.14f cos %.14f exp %.14f log %.14f pow %.10f atan2 %.14f\n", sin(x), cos(x), exp(x), log(x), pow(x, 0.3), atan2(x, -1));
	for (int i = 1; i <= 40; i++)
		sum += 1.0 / ((double)i * i);
	printf("sum %.15f\n", sum);
	for (int r = 0; r < 6; r++) {
		for (int c = 0; c < 24; c++)
			guest_putc(" .:-=+*#%@"[(int)mandel(-2.2 + c * 0.13, -1.1 + r * 0.44) / 2 % 10]);
		guest_putc('\n');
	}
	printf("strtod %.17g %.17g %.9g\n", strtod("0.1", NULL), strtod("-1.7976931348623157e308", NULL), (double)strtof("3.4e38", NULL));
	return 0;
}
