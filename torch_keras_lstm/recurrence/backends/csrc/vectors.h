/* Vectors of one floating type and one width, and what is computed of single numbers: exponentials, activations, slopes.
 *
 * They are GCC's and Clang's vector extension, so that the compiler chooses the instructions. one_type.h says which
 * macros are defined where this is included.
 */

#if SINGLE
#define REAL float
#define BITS uint32_t
#define SIGNED int32_t
#define MANTISSA 23 /* bits of the fraction */
#define BIAS 127    /* what is added to the exponent */
#define TERMS 7     /* of the series of exp within ln 2 / 2 of 0; what follows is below a rounding error */
/* ln 2 in two parts, the first with so many zeros at its end that its product with an exponent is exact */
#define LN2_HIGH 0.693359375
#define LN2_LOW -2.12194440054690583e-4
#else
#define REAL double
#define BITS uint64_t
#define SIGNED int64_t
#define MANTISSA 52
#define BIAS 1023
#define TERMS 13
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#endif

#if BYTES == 32 && SINGLE
#define COUNTED ((NAME(signed_bits)){0, 1, 2, 3, 4, 5, 6, 7})
#else
#define COUNTED ((NAME(signed_bits)){0, 1, 2, 3})
#endif
#define WIDTH ((long)(BYTES / sizeof(REAL))) /* how many numbers a vector holds */
#define COLUMNS (2 * WIDTH)                  /* of a panel: two vectors for each row */

typedef REAL NAME(vec) __attribute__((vector_size(BYTES)));
typedef BITS NAME(bits) __attribute__((vector_size(BYTES)));
typedef SIGNED NAME(signed_bits) __attribute__((vector_size(BYTES)));
typedef REAL NAME(loose) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define vec NAME(vec)
#define bits NAME(bits)
#define loose NAME(loose)

/* The first `count` numbers at `from`, zeros behind them; `count` is WIDTH but at the end of a row. */
static inline __attribute__((always_inline)) vec NAME(load)(const REAL *from, long count)
{
    if (count == WIDTH)
        return *(const loose *)from;
#if BYTES == 64 && SINGLE
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif BYTES == 64
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
#elif BYTES == 32 && SINGLE
    return (vec)_mm256_maskload_ps(from, (__m256i)(COUNTED < (SIGNED)count));
#elif BYTES == 32
    return (vec)_mm256_maskload_pd(from, (__m256i)(COUNTED < (SIGNED)count));
#else
    vec loaded = {0};
    for (long i = 0; i < count; i++)
        loaded[i] = from[i];
    return loaded;
#endif
}

static inline __attribute__((always_inline)) void NAME(store)(REAL *to, vec values, long count)
{
    if (count == WIDTH) {
        *(loose *)to = values;
        return;
    }
#if BYTES == 64 && SINGLE
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)values);
#elif BYTES == 64
    _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), (__m512d)values);
#elif BYTES == 32 && SINGLE
    _mm256_maskstore_ps(to, (__m256i)(COUNTED < (SIGNED)count), (__m256)values);
#elif BYTES == 32
    _mm256_maskstore_pd(to, (__m256i)(COUNTED < (SIGNED)count), (__m256d)values);
#else
    for (long i = 0; i < count; i++)
        to[i] = values[i];
#endif
}

/* `yes` where all bits of `where` are set, `no` where none is. */
static inline vec NAME(choose)(bits where, vec yes, vec no)
{
    return (vec)(((bits)yes & where) | ((bits)no & ~where));
}

#define ALL(number) ((vec){0} + (REAL)(number))
#define CHOOSE(condition, yes, no) NAME(choose)((bits)(condition), yes, no)

#define SIGN ((bits){0} + ((BITS)1 << (8 * sizeof(BITS) - 1)))

static inline vec NAME(magnitude)(vec x)
{
    return (vec)((bits)x & ~SIGN);
}

/* exp(x) - 1 = scale * series + (scale - 1): returns the series, and which power of two the scale is. */
static inline vec NAME(reduced_exp)(vec x, bits *power)
{
    static const REAL factor[] = {
        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,        1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    const vec whole = ALL((REAL)3 * ((BITS)1 << (MANTISSA - 1))); /* so large that adding it rounds to an integer */
    vec shifted = x * (REAL)1.4426950408889634074 + whole;
    vec times = shifted - whole;
    vec rest = x - times * (REAL)LN2_HIGH - times * (REAL)LN2_LOW;
    vec series = ALL(factor[TERMS - 1]);
    for (int term = TERMS - 2; term >= 0; term--)
        series = series * rest + factor[term];
    *power = (bits)shifted - (bits)whole;
    return series * rest;
}

static inline vec NAME(two_to_the)(bits power)
{
    return (vec)((power + BIAS) << MANTISSA);
}

static inline vec NAME(sigmoid)(vec x)
{
    /* Beyond the limit exp is infinite or zero anyway, in two factors that are neither. */
    const REAL limit = BIAS;
    bits power;
    x = CHOOSE(x > limit, ALL(limit), x);
    x = CHOOSE(x < -limit, ALL(-limit), x);
    vec series = NAME(reduced_exp)(-x, &power);
    bits half = (bits)((NAME(signed_bits))power >> 1);
    vec exponential = (series + 1) * NAME(two_to_the)(half) * NAME(two_to_the)(power - half);
    return 1 / (exponential + 1);
}

static inline vec NAME(tanh)(vec x)
{
    bits power;
    vec twice = NAME(magnitude)(x) * 2;
    twice = CHOOSE(twice > 50, ALL(50), twice); /* where tanh is 1 in either type */
    vec series = NAME(reduced_exp)(twice, &power);
    vec scale = NAME(two_to_the)(power);
    vec growth = series * scale + (scale - 1); /* exp(2 |x|) - 1, to the last digits near 0 too */
    return (vec)((bits)(growth / (growth + 2)) | ((bits)x & SIGN));
}

/* A function of its own, or the compiler would fuse product and sum, and move the corners of the function below. */
static __attribute__((noinline)) vec NAME(fifth)(vec x)
{
    return x * (REAL)0.2;
}

static inline vec NAME(clipped)(vec x, REAL most)
{
    x = CHOOSE(x <= 0, ALL(0), x); /* comparisons that leave nan what it is */
    return CHOOSE(x > most, ALL(most), x);
}

/* A product that no compiler fuses with the sum it goes into: one number, wherever it is computed. */
static inline __attribute__((always_inline)) vec NAME(apart)(vec product)
{
#if defined(__x86_64__)
    __asm__("" : "+x"(product));
#elif defined(__aarch64__)
    __asm__("" : "+w"(product));
#else
    __asm__("" : "+m"(product));
#endif
    return product;
}

/* The activation at `x`. */
static inline __attribute__((always_inline)) vec NAME(activate)(int activation, vec x)
{
    switch (activation) {
    case TANH:
        return NAME(tanh)(x);
    case SIGMOID:
        return NAME(sigmoid)(x);
    case RELU:
        return CHOOSE(x <= 0, ALL(0), x);
    case HARD_SIGMOID:
        return NAME(clipped)(x + 3, 6) / 6;
    case HARD_SIGMOID_KERAS2:
        return NAME(clipped)(NAME(fifth)(x) + (REAL)0.5, 1);
    case SOFTSIGN:
        return x / (NAME(magnitude)(x) + 1);
    default:
        return x;
    }
}

/* What is kept of an activation: its value, where that tells the slope, otherwise its argument. */
static inline __attribute__((always_inline)) vec NAME(kept)(int activation, vec x, vec value)
{
    return activation >= FIRST_KEPT_BY_ARGUMENT ? x : value;
}

/* The value, given what was kept. */
static inline __attribute__((always_inline)) vec NAME(value)(int activation, vec kept)
{
    return activation >= FIRST_KEPT_BY_ARGUMENT ? NAME(activate)(activation, kept) : kept;
}

/* `factor` times the slope, given what was kept. */
static inline __attribute__((always_inline)) vec NAME(times_slope)(int activation, vec factor, vec kept)
{
    switch (activation) {
    case TANH:
        return factor * (1 - kept * kept);
    case SIGMOID:
        return factor * (1 - kept) * kept;
    case RELU:
        return CHOOSE(kept <= 0, ALL(0), factor);
    case HARD_SIGMOID:
        return CHOOSE((kept <= 0) | (kept >= 1), ALL(0), factor / 6);
    case HARD_SIGMOID_KERAS2: {
        vec line = NAME(fifth)(kept) + (REAL)0.5;
        return CHOOSE((line < 0) | (line > 1), ALL(0), factor * (REAL)0.2);
    }
    case SOFTSIGN: {
        vec root = NAME(magnitude)(kept) + 1;
        return factor / (root * root);
    }
    default:
        return factor;
    }
}
