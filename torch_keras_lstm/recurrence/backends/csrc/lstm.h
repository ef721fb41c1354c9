/* An LSTM over time, forth and back, for one floating type and one width of vectors.
 *
 * lstm.c includes this once for each pair of them, with these macros defined:
 *
 *     SINGLE        1 for float, 0 for double
 *     BYTES         of a vector
 *     ROWS          how many rows are multiplied at once: as many as there are registers for
 *     NAME(stem)    the name of a function of this type and width
 *
 * Vectors are GCC's and Clang's vector extension, so that the compiler chooses the instructions.
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

/* Write the transpose of `count` rows of `depth` numbers, `stride` apart, in rows of COLUMNS: by tiles, which the
 * compiler keeps in registers. */
static void NAME(turn)(REAL *to, const REAL *from, long depth, long count, long stride)
{
    enum { TILE = 8 };
    long n = 0;
    for (; n + TILE <= count; n += TILE) {
        long k = 0;
        for (; k + TILE <= depth; k += TILE) {
            REAL tile[TILE][TILE];
            for (int j = 0; j < TILE; j++)
                for (int i = 0; i < TILE; i++)
                    tile[i][j] = from[(n + j) * stride + k + i];
            for (int i = 0; i < TILE; i++)
                memcpy(to + (k + i) * COLUMNS + n, tile[i], sizeof tile[i]);
        }
        for (; k < depth; k++)
            for (int j = 0; j < TILE; j++)
                to[k * COLUMNS + n + j] = from[(n + j) * stride + k];
    }
    for (; n < count; n++)
        for (long k = 0; k < depth; k++)
            to[k * COLUMNS + n] = from[n * stride + k];
}

/* Lay out a matrix of `depth` by `columns` in panels of COLUMNS columns, zeros beyond the last; some of the panels. */
static void NAME(pack)(REAL *panels, const REAL *matrix, long depth, long columns, long depth_stride,
                       long column_stride, long first, long stop)
{
    for (long panel = first; panel < stop; panel++) {
        REAL *to = panels + panel * depth * COLUMNS;
        const REAL *from = matrix + panel * COLUMNS * column_stride;
        long count = columns - panel * COLUMNS < COLUMNS ? columns - panel * COLUMNS : COLUMNS;
        if (count < COLUMNS)
            memset(to, 0, depth * COLUMNS * sizeof(REAL));
        if (column_stride == 1) {
            for (long k = 0; k < depth; k++)
                memcpy(to + k * COLUMNS, from + k * depth_stride, count * sizeof(REAL));
        } else {
            NAME(turn)(to, from, depth, count, column_stride);
        }
    }
}

/* `rows` rows times one panel, from one depth to another, added to what is there if `more`; with few rows the sums are
 * kept in several parts, or each would wait for the last. */
static inline __attribute__((always_inline)) void NAME(multiply_rows)(const int rows, const int parts, long from,
                                                                      long to, const REAL *const *left,
                                                                      const REAL *panel, REAL *const *out, int more)
{
    vec sum[4][ROWS][2];
    long k = from;
    for (int part = 0; part < parts; part++)
        for (int row = 0; row < rows; row++)
            sum[part][row][0] = sum[part][row][1] = ALL(0);
    for (; k + parts <= to; k += parts)
        for (int part = 0; part < parts; part++) {
            vec first = *(const loose *)(panel + (k + part) * COLUMNS);
            vec second = *(const loose *)(panel + (k + part) * COLUMNS + WIDTH);
            for (int row = 0; row < rows; row++) {
                sum[part][row][0] += left[row][k + part] * first;
                sum[part][row][1] += left[row][k + part] * second;
            }
        }
    for (; k < to; k++)
        for (int row = 0; row < rows; row++) {
            sum[0][row][0] += left[row][k] * *(const loose *)(panel + k * COLUMNS);
            sum[0][row][1] += left[row][k] * *(const loose *)(panel + k * COLUMNS + WIDTH);
        }
    for (int part = 1; part < parts; part++)
        for (int row = 0; row < rows; row++) {
            sum[0][row][0] += sum[part][row][0];
            sum[0][row][1] += sum[part][row][1];
        }
    for (int row = 0; row < rows; row++) {
        loose *to_row = (loose *)out[row];
        to_row[0] = more ? (vec)(to_row[0] + sum[0][row][0]) : sum[0][row][0];
        to_row[1] = more ? (vec)(to_row[1] + sum[0][row][1]) : sum[0][row][1];
    }
}

/* Rows times a packed matrix, added to what is there if `more`.
 *
 * left, out: a pointer for each row, to `depth` numbers and to as many as the panels have columns; the second is used
 * up.
 */
static void NAME(multiply)(long rows, long depth, const REAL *const *left, const REAL *panels, long count, REAL **out,
                           int more)
{
    /* So much of a panel as stays in a first-level cache of 32 KiB, beside the rows that pass it: 24 KiB. */
    const long most = 24 * 1024 / (COLUMNS * (long)sizeof(REAL));
    for (long panel = 0; panel < count; panel++, panels += depth * COLUMNS) {
        for (long from = 0; from < depth; from += most) {
            const long to = depth - from < most + most / 2 ? depth : from + most;
            const int add = more || from > 0;
            long row = 0;
            for (; row + ROWS <= rows; row += ROWS)
                NAME(multiply_rows)(ROWS, 1, from, to, left + row, panels, out + row, add);
            switch (rows - row) {
#define SOME_ROWS(number, parts)                                                                                       \
    case number:                                                                                                       \
        NAME(multiply_rows)(number, parts, from, to, left + row, panels, out + row, add);                              \
        break;
                SOME_ROWS(1, 4)
                SOME_ROWS(2, 2)
                SOME_ROWS(3, 2)
#if ROWS > 4
                SOME_ROWS(4, 1)
                SOME_ROWS(5, 1)
                SOME_ROWS(6, 1)
                SOME_ROWS(7, 1)
#endif
#undef SOME_ROWS
            }
            if (to == depth)
                break;
        }
        for (long row = 0; row < rows; row++)
            out[row] += COLUMNS;
    }
}

static inline REAL NAME(total)(vec sum)
{
#if BYTES == 64 && SINGLE
    return _mm512_reduce_add_ps((__m512)sum);
#elif BYTES == 64
    return _mm512_reduce_add_pd((__m512d)sum);
#else
    REAL total = 0;
    for (int lane = 0; lane < WIDTH; lane++)
        total += sum[lane];
    return total;
#endif
}

/* One row times the transpose of a matrix that is not packed, added to what is there if `more`: out[n] is the sum of
 * matrix[n, k] * left[k]. */
static void NAME(multiply_unpacked)(const REAL *matrix, const REAL *left, REAL *out, long columns, long depth, int more)
{
    enum { AT_ONCE = 8 }; /* sums, so that none waits for itself */
    for (long n = 0; n < columns; n += AT_ONCE) {
        const long count = columns - n < AT_ONCE ? columns - n : AT_ONCE;
        const REAL *from[AT_ONCE];
        vec sum[AT_ONCE];
        for (int j = 0; j < AT_ONCE; j++) {
            from[j] = matrix + (n + (j < count ? j : 0)) * depth;
            sum[j] = ALL(0);
        }
        long k = 0;
        for (; k + WIDTH <= depth; k += WIDTH) {
            vec factor = *(const loose *)(left + k);
            for (int j = 0; j < AT_ONCE; j++)
                sum[j] += *(const loose *)(from[j] + k) * factor;
        }
        if (k < depth) {
            vec factor = NAME(load)(left + k, depth - k);
            for (int j = 0; j < AT_ONCE; j++)
                sum[j] += NAME(load)(from[j] + k, depth - k) * factor;
        }
        for (long j = 0; j < count; j++)
            out[n + j] = (more ? out[n + j] : 0) + NAME(total)(sum[j]);
    }
}

/* Some numbers of one row: gates from pre-activations, and the next state. */
static inline __attribute__((always_inline)) void NAME(cell_forward)(const struct lstm *s, REAL *gates,
                                                                     const REAL *products, long product_stride,
                                                                     const REAL *cell_before, REAL *cell, REAL *hidden,
                                                                     long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec pre[4], value[4];
    for (int gate = 0; gate < 4; gate++) {
        pre[gate] = NAME(load)(products + gate * product_stride + at, count);
        if (s->bias)
            pre[gate] += NAME(load)((const REAL *)s->bias + gate * units + at, count);
        value[gate] = NAME(activate)(gate == CANDIDATE ? activation : recurrent, pre[gate]);
    }
    vec next = value[FORGET] * NAME(load)(cell_before + at, count) + value[INPUT] * value[CANDIDATE];
    NAME(store)(cell + at, next, count);
    NAME(store)(hidden + at, value[OUTPUT] * NAME(activate)(activation, next), count);
    if (s->gates)
        for (int gate = 0; gate < 4; gate++)
            NAME(store)(gates + gate * units + at,
                        NAME(kept)(gate == CANDIDATE ? activation : recurrent, pre[gate], value[gate]), count);
}

/* Some numbers of one row: the gradients of the pre-activations and of the cell state before. */
static inline __attribute__((always_inline)) void NAME(cell_backward)(const struct lstm *s, const REAL *gates,
                                                                      REAL *gradients, const REAL *cell_before,
                                                                      const REAL *cell, const REAL *of_hidden,
                                                                      REAL *of_cell, long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec kept[4], value[4];
    for (int gate = 0; gate < 4; gate++) {
        kept[gate] = NAME(load)(gates + gate * units + at, count);
        value[gate] = NAME(value)(gate == CANDIDATE ? activation : recurrent, kept[gate]);
    }
    vec state = NAME(load)(cell + at, count);
    vec shown = NAME(activate)(activation, state);
    vec kept_of_state = NAME(kept)(activation, state, shown);
    vec grad_hidden = NAME(load)(of_hidden + at, count);
    vec grad_cell =
        NAME(load)(of_cell + at, count) + NAME(times_slope)(activation, grad_hidden * value[OUTPUT], kept_of_state);
    NAME(store)(gradients + INPUT * units + at, NAME(times_slope)(recurrent, grad_cell * value[CANDIDATE], kept[INPUT]),
                count);
    NAME(store)(gradients + FORGET * units + at,
                NAME(times_slope)(recurrent, grad_cell * NAME(load)(cell_before + at, count), kept[FORGET]), count);
    NAME(store)(gradients + CANDIDATE * units + at,
                NAME(times_slope)(activation, grad_cell * value[INPUT], kept[CANDIDATE]), count);
    NAME(store)(gradients + OUTPUT * units + at, NAME(times_slope)(recurrent, grad_hidden * shown, kept[OUTPUT]),
                count);
    NAME(store)(of_cell + at, grad_cell * value[FORGET], count);
}

#define EACH_VECTOR(length, call)                                                                                      \
    do {                                                                                                               \
        long at = 0;                                                                                                   \
        for (; at + WIDTH <= (length); at += WIDTH) {                                                                  \
            const long count = WIDTH;                                                                                  \
            call;                                                                                                      \
        }                                                                                                              \
        if (at < (length)) {                                                                                           \
            const long count = (length) - at;                                                                          \
            call;                                                                                                      \
        }                                                                                                              \
    } while (0)

static long NAME(panels_of)(long columns)
{
    return (columns + COLUMNS - 1) / COLUMNS;
}

/* How many bytes the products of so many rows and steps take. */
static size_t NAME(products_of)(const struct lstm *s, long rows, long steps)
{
    return rows * steps * s->groups * s->panels * COLUMNS * sizeof(REAL);
}

/* How many bytes a thread takes beside these: two pointers and a number for each row of each step, where each step
 * starts, and rows times their factors. */
static size_t NAME(scratch)(const struct lstm *s, long rows, long steps)
{
    const long dropped = s->input_factors && s->features > s->units ? s->features : s->units;
    return rows * steps * (2 * sizeof(void *) + sizeof(long) + dropped * sizeof(REAL)) + (steps + 1) * sizeof(long);
}

/* Some panels of a kernel, (4 * units, depth). With several groups of gates each has panels of its own, and the others
 * follow it. */
static void NAME(pack_share)(const struct lstm *s, const void *kernel, void *packed, long depth, long share,
                             long shares)
{
    const long width = 4 * s->units / s->groups;
    for (long group = 0; group < s->groups; group++)
        NAME(pack)((REAL *)packed + group * s->panels * depth * COLUMNS, (const REAL *)kernel + group * width * depth,
                   depth, width, 1, depth, s->panels * share / shares, s->panels * (share + 1) / shares);
}

/* The same of the recurrent kernel for the way back, on which it is multiplied from the other side. */
static void NAME(pack_back_share)(const struct lstm *s, long share, long shares)
{
    const long units = s->units, depth = 4 * units / s->groups;
    for (long group = 0; group < s->groups; group++)
        NAME(pack)((REAL *)s->packed + group * s->panels * depth * COLUMNS,
                   (const REAL *)s->weight + group * depth * units, depth, units, units, 1, s->panels * share / shares,
                   s->panels * (share + 1) / shares);
}

/* The rows that a step counts for, of those from `first` to `stop`. */
static long NAME(active_rows)(const struct lstm *s, long step, long first, long stop, long *active)
{
    long count = 0;
    for (long row = first; row < stop; row++)
        if (s->mask == NULL || s->mask[step * s->batch + row])
            active[count++] = row;
    return count;
}

/* Rows times a kernel, packed or not, for one group of gates: a member's share of the columns. */
static void NAME(multiply_group)(const struct lstm *s, const struct team *team, long rows, long depth, long group,
                                 const void *kernel, const void *packed, const REAL *const *left, REAL **out, int more)
{
    const long width = 4 * s->units / s->groups;
    const long first = s->panels * team->member / team->members, stop = s->panels * (team->member + 1) / team->members;
    if (packed) {
        for (long i = 0; i < rows; i++)
            out[i] += first * COLUMNS;
        NAME(multiply)(rows, depth, left, (const REAL *)packed + (group * s->panels + first) * depth * COLUMNS,
                       stop - first, out, more);
    } else {
        for (long i = 0; i < rows; i++)
            NAME(multiply_unpacked)((const REAL *)kernel + group * width * depth, left[i], out[i], width, depth, more);
    }
}

/* Write a row times its factors. */
static const REAL *NAME(drop)(REAL *to, const REAL *from, const REAL *factors, long length)
{
    EACH_VECTOR(length, NAME(store)(to + at, NAME(load)(from + at, count) * NAME(load)(factors + at, count), count));
    return to;
}

/* The rows from `first` to `stop` through all steps, by a team of threads of which each calls this: each multiplies
 * with its share of the columns, and takes its share of the rows from products to states. */
static void NAME(forward)(const struct lstm *s, const struct team *team, long first, long stop, void *shared,
                          void *memory)
{
    const long units = s->units, features = s->features, rows = stop - first, most = rows * s->steps;
    const long width = s->groups * s->panels * COLUMNS;
    const long product_stride = s->groups == 4 ? s->panels * COLUMNS : units;
    const long own_first = first + rows * team->member / team->members;
    const long own_stop = first + rows * (team->member + 1) / team->members;
    REAL *products = shared;
    const REAL **left = memory;
    REAL **out = (REAL **)(left + most);
    long *active = (long *)(out + most), *starts = active + most;
    REAL *dropped = (REAL *)(starts + s->steps + 1);
    const REAL *hidden_before = s->hidden_first, *cell_before = s->cell_first;
    for (long begin = 0; begin < s->time; begin += s->steps) {
        const long steps = s->time - begin < s->steps ? s->time - begin : s->steps;
        /* What the inputs contribute, for several steps at once. */
        starts[0] = 0;
        for (long step = 0; step < steps; step++)
            starts[step + 1] = starts[step] + NAME(active_rows)(s, begin + step, first, stop, active + starts[step]);
        for (long group = 0; group < s->groups; group++) {
            for (long step = 0; step < steps; step++)
                for (long i = starts[step]; i < starts[step + 1]; i++) {
                    left[i] = (const REAL *)s->inputs + (begin + step) * s->inputs_step + active[i] * s->inputs_row;
                    if (s->input_factors)
                        left[i] = NAME(drop)(dropped + i * features, left[i],
                                             (const REAL *)s->input_dropout + (group * s->batch + active[i]) * features,
                                             features);
                    out[i] = products + i * width + group * s->panels * COLUMNS;
                }
            NAME(multiply_group)(s, team, starts[steps], features, group, s->input_weight, s->input_packed, left, out,
                                 0);
        }
        for (long step = 0; step < steps; step++) {
            const long at_step = (begin + step) * s->batch;
            REAL *hidden = (REAL *)s->hidden + (begin + step) * s->hidden_stride;
            REAL *cell = (REAL *)s->cell + (begin + step) * s->cell_stride;
            const long *here = active + starts[step];
            REAL *product = products + starts[step] * width;
            const long count = starts[step + 1] - starts[step];
            for (long group = 0; group < s->groups; group++) {
                for (long i = 0; i < count; i++) {
                    left[i] = hidden_before + here[i] * units;
                    if (s->factors) {
                        const long set = s->factors == 1 ? 0 : group;
                        left[i] = NAME(drop)(dropped + i * units, left[i],
                                             (const REAL *)s->dropout + (set * s->batch + here[i]) * units, units);
                    }
                    out[i] = product + i * width + group * s->panels * COLUMNS;
                }
                NAME(multiply_group)(s, team, count, units, group, s->weight, s->packed, left, out, 1);
            }
            wait_for_all(team);
            for (long row = own_first, i = 0; row < own_stop; row++) {
                REAL *gates = s->gates ? (REAL *)s->gates + (at_step + row) * 4 * units : NULL;
                while (i < count && here[i] < row)
                    i++;
                if (i < count && here[i] == row) {
                    EACH_VECTOR(units, NAME(cell_forward)(s, gates, product + i * width, product_stride,
                                                          cell_before + row * units, cell + row * units,
                                                          hidden + row * units, at, count));
                } else { /* passed over; what is kept is nothing, but not left to chance */
                    memmove(hidden + row * units, hidden_before + row * units, units * sizeof(REAL));
                    memmove(cell + row * units, cell_before + row * units, units * sizeof(REAL));
                    if (gates)
                        memset(gates, 0, 4 * units * sizeof(REAL));
                }
            }
            wait_for_all(team);
            hidden_before = hidden;
            cell_before = cell;
        }
    }
}

/* The same on the way back. */
static void NAME(backward)(const struct lstm *s, const struct team *team, long first, long stop, void *shared,
                           void *memory)
{
    const long units = s->units, width = s->groups * s->panels * COLUMNS, depth = 4 * units / s->groups;
    const long rows = stop - first;
    const long first_panel = s->panels * team->member / team->members;
    const long stop_panel = s->panels * (team->member + 1) / team->members;
    const long own_first = first + rows * team->member / team->members;
    const long own_stop = first + rows * (team->member + 1) / team->members;
    REAL *products = shared;
    const REAL **left = memory;
    REAL **out = (REAL **)(left + rows);
    long *active = (long *)(out + rows);
    REAL *of_hidden = s->of_hidden, *of_cell = s->of_cell;
    for (long step = s->time - 1; step >= 0; step--) {
        const long states = step * s->batch * units;
        const REAL *gates = (const REAL *)s->gates + 4 * states, *cell = (const REAL *)s->cell + states;
        const REAL *cell_before = step ? cell - s->batch * units : s->cell_first;
        REAL *gradients = (REAL *)s->gradients + 4 * states;
        const long count = NAME(active_rows)(s, step, first, stop, active);
        for (long row = own_first, i = 0; row < own_stop; row++) {
            if (s->of_outputs) {
                const REAL *more = (const REAL *)s->of_outputs + step * s->of_outputs_step + row * s->of_outputs_row;
                REAL *to = of_hidden + row * units;
                EACH_VECTOR(units,
                            NAME(store)(to + at, NAME(load)(to + at, count) + NAME(load)(more + at, count), count));
            }
            while (i < count && active[i] < row)
                i++;
            if (i < count && active[i] == row)
                EACH_VECTOR(units, NAME(cell_backward)(s, gates + row * 4 * units, gradients + row * 4 * units,
                                                       cell_before + row * units, cell + row * units,
                                                       of_hidden + row * units, of_cell + row * units, at, count));
            else
                memset(gradients + row * 4 * units, 0, 4 * units * sizeof(REAL));
        }
        wait_for_all(team);
        for (long group = 0; group < s->groups; group++) {
            for (long i = 0; i < count; i++) {
                left[i] = gradients + active[i] * 4 * units + group * units;
                out[i] = products + i * width + (group * s->panels + first_panel) * COLUMNS;
            }
            NAME(multiply)(count, depth, left,
                           (const REAL *)s->packed + (group * s->panels + first_panel) * depth * COLUMNS,
                           stop_panel - first_panel, out, 0);
        }
        wait_for_all(team);
        for (long i = 0; i < count; i++) {
            if (active[i] < own_first || active[i] >= own_stop)
                continue;
            REAL *to = of_hidden + active[i] * units;
            for (long group = 0; group < s->groups; group++) {
                const REAL *product = products + i * width + group * s->panels * COLUMNS;
                const long set = s->factors == 1 ? 0 : group;
                const REAL *factors = (const REAL *)s->dropout + (set * s->batch + active[i]) * units;
                EACH_VECTOR(units, {
                    vec sum = NAME(load)(product + at, count);
                    if (s->factors)
                        sum *= NAME(load)(factors + at, count);
                    NAME(store)(to + at, group ? NAME(load)(to + at, count) + sum : sum, count);
                });
            }
        }
    }
}

static const struct kernel NAME(kernel) = {
    sizeof(REAL),          COLUMNS,       NAME(panels_of), NAME(products_of), NAME(scratch), NAME(pack_share),
    NAME(pack_back_share), NAME(forward), NAME(backward),
};

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
