/* Recurrent layers over time, forth and back, for one floating type and one width of vectors.
 *
 * kernels.c includes this once for each pair of them, with these macros defined:
 *
 *     SINGLE        1 for float, 0 for double
 *     BYTES         of a vector
 *     ROWS          how many rows are multiplied at once: as many as there are registers for
 *     NAME(stem)    the name of a function of this type and width
 */

#include "vectors.h"

#include "products.h"

#include "cells.h"

#include "runs.h"

#include "images.h"
#include "dense.h"

#undef vec
#undef bits
#undef loose
#undef REAL
#undef BITS
#undef SIGNED
#undef MANTISSA
#undef BIAS
#undef TERMS
#undef LN2_HIGH
#undef LN2_LOW
#undef WIDTH
#undef COLUMNS
#undef ALL
#undef CHOOSE
#undef EACH_VECTOR
#undef COUNTED
#undef SIGN
#undef SINGLE
#undef NAME
