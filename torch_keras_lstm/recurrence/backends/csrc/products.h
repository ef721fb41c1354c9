/* Matrix products: rows times a matrix in panels, rows times one as it stands, and sums of outer products. */

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

/* Lay out a matrix of `depth` by `columns` in panels of COLUMNS columns, zeros beyond the last; some of the panels.
 *
 * depth_stride, column_stride: one of them is 1. roll: which row comes first, where the columns' stride is 1.
 */
static void NAME(pack)(REAL *panels, const REAL *matrix, long depth, long columns, long depth_stride,
                       long column_stride, long roll, long first, long stop)
{
    for (long panel = first; panel < stop; panel++) {
        REAL *to = panels + panel * depth * COLUMNS;
        const REAL *from = matrix + panel * COLUMNS * column_stride;
        long count = columns - panel * COLUMNS < COLUMNS ? columns - panel * COLUMNS : COLUMNS;
        if (count < COLUMNS)
            memset(to, 0, depth * COLUMNS * sizeof(REAL));
        if (column_stride == 1) {
            for (long k = 0; k < depth; k++)
                memcpy(to + k * COLUMNS, from + (k + roll) % depth * depth_stride, count * sizeof(REAL));
        } else {
            NAME(turn)(to, from, depth, count, column_stride);
        }
    }
}

/* `rows` rows times some panels that are `stride` numbers apart, from one depth to another, added to what is there if
 * `more`: several panels where the rows are few, or each sum would wait for itself. */
static inline __attribute__((always_inline)) void NAME(multiply_rows)(const int rows, const int panels, long from,
                                                                      long to, const REAL *const *left,
                                                                      const REAL *panel, long stride, REAL *const *out,
                                                                      long at, int more)
{
    vec sum[4][ROWS][2];
    for (int which = 0; which < panels; which++)
        for (int row = 0; row < rows; row++)
            sum[which][row][0] = sum[which][row][1] = ALL(0);
    for (long k = from; k < to; k++)
        for (int which = 0; which < panels; which++) {
            vec first = *(const loose *)(panel + which * stride + k * COLUMNS);
            vec second = *(const loose *)(panel + which * stride + k * COLUMNS + WIDTH);
            for (int row = 0; row < rows; row++) {
                sum[which][row][0] += left[row][k] * first;
                sum[which][row][1] += left[row][k] * second;
            }
        }
    for (int which = 0; which < panels; which++)
        for (int row = 0; row < rows; row++) {
            loose *to_row = (loose *)(out[row] + at + which * COLUMNS);
            to_row[0] = more ? (vec)(to_row[0] + sum[which][row][0]) : sum[which][row][0];
            to_row[1] = more ? (vec)(to_row[1] + sum[which][row][1]) : sum[which][row][1];
        }
}

/* Rows times a packed matrix, added to what is there if `more`. A row's numbers are the same to the last bit whatever
 * rows it is multiplied with, and so whatever the threads' shares are.
 *
 * left, out: a pointer for each row, to `depth` numbers and to as many as the panels have columns; the second is used
 * up.
 */
static void NAME(multiply)(long rows, long depth, const REAL *const *left, const REAL *panels, long count, REAL **out,
                           int more)
{
    /* So much of a panel as stays in a first-level cache of 32 KiB, beside the rows that pass it: 24 KiB. */
    const long most = 24 * 1024 / (COLUMNS * (long)sizeof(REAL));
    const long last = rows % ROWS, stride = depth * COLUMNS;
    for (long panel = 0, some; panel < count; panel += some, panels += some * stride) {
        some = last == 1 ? 4 : last == 2 || last == 3 ? 2 : 1;
        while (some > count - panel)
            some /= 2;
        for (long from = 0; from < depth; from += most) {
            const long to = depth - from < most + most / 2 ? depth : from + most;
            const int add = more || from > 0;
            long row = 0;
            for (long which = 0; which < some; which++)
                for (row = 0; row + ROWS <= rows; row += ROWS)
                    NAME(multiply_rows)(ROWS, 1, from, to, left + row, panels + which * stride, stride, out + row,
                                        which * COLUMNS, add);
            switch (last * 8 + some) {
#define SOME_ROWS(number, some)                                                                                        \
    case number * 8 + some:                                                                                            \
        NAME(multiply_rows)(number, some, from, to, left + row, panels, stride, out + row, 0, add);                    \
        break;
                SOME_ROWS(1, 4)
                SOME_ROWS(1, 2)
                SOME_ROWS(1, 1)
                SOME_ROWS(2, 2)
                SOME_ROWS(2, 1)
                SOME_ROWS(3, 2)
                SOME_ROWS(3, 1)
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
            out[row] += some * COLUMNS;
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

/* Some columns of rows, whose `count` numbers each a pointer leads to, as a panel: zeros beyond the last column. */
static void NAME(gather)(REAL *panel, const REAL *const *from, long rows, long first, long columns)
{
    const long count = columns - first < COLUMNS ? columns - first : COLUMNS;
    const long low = count < WIDTH ? count : WIDTH, high = count - low;
    for (long k = 0; k < rows; k++, panel += COLUMNS) {
        *(loose *)panel = NAME(load)(from[k] + first, low);
        *(loose *)(panel + WIDTH) = high ? NAME(load)(from[k] + first + WIDTH, high) : ALL(0);
    }
}

/* `rows` numbers of each of `count` steps times the panel's row of that step, added to what is there. */
static inline __attribute__((always_inline)) void NAME(outer_rows)(const int rows, long count, const REAL *left,
                                                                   long stride, const REAL *panel, REAL *to,
                                                                   long to_stride)
{
    vec sum[ROWS][2];
    for (int row = 0; row < rows; row++) {
        sum[row][0] = *(const loose *)(to + row * to_stride);
        sum[row][1] = *(const loose *)(to + row * to_stride + WIDTH);
    }
    for (long k = 0; k < count; k++, left += stride, panel += COLUMNS) {
        vec first = *(const loose *)panel, second = *(const loose *)(panel + WIDTH);
        for (int row = 0; row < rows; row++) {
            sum[row][0] += left[row] * first;
            sum[row][1] += left[row] * second;
        }
    }
    for (int row = 0; row < rows; row++) {
        *(loose *)(to + row * to_stride) = sum[row][0];
        *(loose *)(to + row * to_stride + WIDTH) = sum[row][1];
    }
}

/* Add the product of a matrix's transpose with a panel.
 *
 * left: (count, rows), its rows `stride` apart. to: (rows, a panel's columns), its rows `to_stride` apart.
 */
static void NAME(add_outer)(long rows, long count, const REAL *left, long stride, const REAL *panel, REAL *to,
                            long to_stride)
{
    long row = 0;
    for (; row + ROWS <= rows; row += ROWS)
        NAME(outer_rows)(ROWS, count, left + row, stride, panel, to + row * to_stride, to_stride);
    switch (rows - row) {
#define SOME_ROWS(number)                                                                                              \
    case number:                                                                                                       \
        NAME(outer_rows)(number, count, left + row, stride, panel, to + row * to_stride, to_stride);                   \
        break;
        SOME_ROWS(1)
        SOME_ROWS(2)
        SOME_ROWS(3)
#if ROWS > 4
        SOME_ROWS(4)
        SOME_ROWS(5)
        SOME_ROWS(6)
        SOME_ROWS(7)
#endif
#undef SOME_ROWS
    }
}
