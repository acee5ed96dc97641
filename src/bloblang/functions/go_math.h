#pragma once

namespace tollgate::bloblang {

// Elementary functions with the results of Go's math package to the last bit, where those differ
// from the C library's. The algorithms are the published ones that package is built on: Cephes for
// the trigonometric functions, fdlibm for the logarithm.

double go_sin(double angle);
double go_cos(double angle);
double go_tan(double angle);
double go_log(double number);
double go_log10(double number);
double go_pow(double base, double exponent);

}  // namespace tollgate::bloblang
