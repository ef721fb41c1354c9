/* The equations of the cells, forth and back, for some numbers of one row: `count` of them from `at` on.
 *
 * kept: of each gate the value or, where that does not tell the slope, the pre-activation, and what else a cell's way
 * back needs; the row's part of it, or NULL. products, of_products: from the first gate's on, the others `stride` apart.
 */

static inline __attribute__((always_inline)) vec NAME(with_bias)(const void *bias, vec sum, long at, long count)
{
    return bias ? sum + NAME(load)((const REAL *)bias + at, count) : sum;
}

/* h = activation(p) */
static inline __attribute__((always_inline)) void NAME(simple_forward)(const struct run *s, REAL *kept,
                                                                       const REAL *products, REAL *hidden, long at,
                                                                       long count)
{
    vec pre = NAME(with_bias)(s->bias, NAME(load)(products + at, count), at, count);
    vec value = NAME(activate)(s->activation, pre);
    NAME(store)(hidden + at, value, count);
    if (kept)
        NAME(store)(kept + at, NAME(kept)(s->activation, pre, value), count);
}

static inline __attribute__((always_inline)) void NAME(simple_backward)(const struct run *s, const REAL *kept,
                                                                        REAL *gradients, const REAL *of_hidden, long at,
                                                                        long count)
{
    vec gradient = NAME(load)(of_hidden + at, count);
    NAME(store)(gradients + at, NAME(times_slope)(s->activation, gradient, NAME(load)(kept + at, count)), count);
}

/* The cell state after a step. The way back computes those once more that were not kept, to the last bit. */
static inline __attribute__((always_inline)) vec NAME(next_cell)(vec forget, vec before, vec input, vec candidate)
{
    return forget * before + NAME(apart)(input * candidate);
}

/* The same from what was kept. */
static inline __attribute__((always_inline)) void NAME(lstm_cell)(const struct run *s, const REAL *kept,
                                                                  const REAL *before, REAL *cell, long at, long count)
{
    vec value[4];
    for (int gate = INPUT; gate <= CANDIDATE; gate++)
        value[gate] = NAME(value)(gate == CANDIDATE ? s->activation : s->recurrent_activation,
                                  NAME(load)(kept + gate * s->units + at, count));
    NAME(store)(cell + at,
                NAME(next_cell)(value[FORGET], NAME(load)(before + at, count), value[INPUT], value[CANDIDATE]), count);
}

/* c = f * c + i * g, h = o * activation(c) */
static inline __attribute__((always_inline)) void NAME(lstm_forward)(const struct run *s, REAL *kept,
                                                                     const REAL *products, long stride,
                                                                     const REAL *cell_before, REAL *cell, REAL *hidden,
                                                                     long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec pre[4], value[4];
    for (int gate = 0; gate < 4; gate++) {
        pre[gate] = NAME(with_bias)(s->bias, NAME(load)(products + gate * stride + at, count), gate * units + at, count);
        value[gate] = NAME(activate)(gate == CANDIDATE ? activation : recurrent, pre[gate]);
    }
    vec next = NAME(next_cell)(value[FORGET], NAME(load)(cell_before + at, count), value[INPUT], value[CANDIDATE]);
    NAME(store)(cell + at, next, count);
    NAME(store)(hidden + at, value[OUTPUT] * NAME(activate)(activation, next), count);
    if (kept)
        for (int gate = 0; gate < 4; gate++)
            NAME(store)(kept + gate * units + at,
                        NAME(kept)(gate == CANDIDATE ? activation : recurrent, pre[gate], value[gate]), count);
}

static inline __attribute__((always_inline)) void NAME(lstm_backward)(const struct run *s, const REAL *kept,
                                                                      REAL *gradients, const REAL *cell_before,
                                                                      const REAL *cell, const REAL *of_hidden,
                                                                      REAL *of_cell, long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec from[4], value[4];
    for (int gate = 0; gate < 4; gate++) {
        from[gate] = NAME(load)(kept + gate * units + at, count);
        value[gate] = NAME(value)(gate == CANDIDATE ? activation : recurrent, from[gate]);
    }
    vec state = NAME(load)(cell + at, count);
    vec shown = NAME(activate)(activation, state);
    vec kept_of_state = NAME(kept)(activation, state, shown);
    vec grad_hidden = NAME(load)(of_hidden + at, count);
    vec grad_cell =
        NAME(load)(of_cell + at, count) + NAME(times_slope)(activation, grad_hidden * value[OUTPUT], kept_of_state);
    NAME(store)(gradients + INPUT * units + at, NAME(times_slope)(recurrent, grad_cell * value[CANDIDATE], from[INPUT]),
                count);
    NAME(store)(gradients + FORGET * units + at,
                NAME(times_slope)(recurrent, grad_cell * NAME(load)(cell_before + at, count), from[FORGET]), count);
    NAME(store)(gradients + CANDIDATE * units + at,
                NAME(times_slope)(activation, grad_cell * value[INPUT], from[CANDIDATE]), count);
    NAME(store)(gradients + OUTPUT * units + at, NAME(times_slope)(recurrent, grad_hidden * shown, from[OUTPUT]),
                count);
    NAME(store)(of_cell + at, grad_cell * value[FORGET], count);
}

/* n = activation(x + r * q) with q, what the recurrent kernel makes of the state; h = z * h + (1 - z) * n */
static inline __attribute__((always_inline)) void NAME(gru_forward)(const struct run *s, REAL *kept,
                                                                    const REAL *products, const REAL *of_state,
                                                                    long stride, const REAL *before, REAL *hidden,
                                                                    long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec pre[2], value[2];
    for (int gate = RESET; gate <= UPDATE; gate++) {
        vec sum = NAME(load)(products + gate * stride + at, count) + NAME(load)(of_state + gate * stride + at, count);
        sum = NAME(with_bias)(s->bias, sum, gate * units + at, count);
        pre[gate] = NAME(with_bias)(s->state_bias, sum, gate * units + at, count);
        value[gate] = NAME(activate)(recurrent, pre[gate]);
    }
    vec from_state = NAME(with_bias)(s->state_bias, NAME(load)(of_state + NEW * stride + at, count), NEW * units + at,
                                     count);
    vec argument = NAME(with_bias)(s->bias, NAME(load)(products + NEW * stride + at, count), NEW * units + at, count);
    argument += value[RESET] * from_state;
    vec candidate = NAME(activate)(activation, argument);
    vec next = value[UPDATE] * NAME(load)(before + at, count) + (1 - value[UPDATE]) * candidate;
    NAME(store)(hidden + at, next, count);
    if (kept) {
        NAME(store)(kept + NEW_SLOT * units + at, NAME(kept)(activation, argument, candidate), count);
        NAME(store)(kept + RESET_SLOT * units + at, NAME(kept)(recurrent, pre[RESET], value[RESET]), count);
        NAME(store)(kept + UPDATE_SLOT * units + at, NAME(kept)(recurrent, pre[UPDATE], value[UPDATE]), count);
        NAME(store)(kept + STATE_SLOT * units + at, from_state, count);
    }
}

/* What both conventions begin with: the gradients of update gate and candidate, and what passes the step by. */
static inline __attribute__((always_inline)) vec NAME(gru_backward_from_state)(const struct run *s, const REAL *kept,
                                                                               REAL *gradients, const REAL *before,
                                                                               REAL *of_hidden, long at, long count)
{
    const long units = s->units;
    const int activation = s->activation, recurrent = s->recurrent_activation;
    vec of_new = NAME(load)(kept + NEW_SLOT * units + at, count);
    vec of_update = NAME(load)(kept + UPDATE_SLOT * units + at, count);
    vec candidate = NAME(value)(activation, of_new), update = NAME(value)(recurrent, of_update);
    vec gradient = NAME(load)(of_hidden + at, count);
    vec of_argument = NAME(times_slope)(activation, gradient * (1 - update), of_new);
    NAME(store)(gradients + NEW_SLOT * units + at, of_argument, count);
    NAME(store)(gradients + UPDATE_SLOT * units + at,
                NAME(times_slope)(recurrent, gradient * (NAME(load)(before + at, count) - candidate), of_update), count);
    NAME(store)(of_hidden + at, gradient * update, count);
    return of_argument;
}

static inline __attribute__((always_inline)) void NAME(gru_backward)(const struct run *s, const REAL *kept,
                                                                     REAL *gradients, const REAL *before,
                                                                     REAL *of_hidden, long at, long count)
{
    const long units = s->units;
    vec of_reset = NAME(load)(kept + RESET_SLOT * units + at, count);
    vec from_state = NAME(load)(kept + STATE_SLOT * units + at, count);
    vec of_argument = NAME(gru_backward_from_state)(s, kept, gradients, before, of_hidden, at, count);
    NAME(store)(gradients + RESET_SLOT * units + at,
                NAME(times_slope)(s->recurrent_activation, of_argument * from_state, of_reset), count);
    NAME(store)(gradients + STATE_SLOT * units + at, of_argument * NAME(value)(s->recurrent_activation, of_reset),
                count);
}

/* With the reset gate before the recurrent kernel: both gates, and the state that the candidate gets, r * h. The update
 * gate's value takes the place of its products. */
static inline __attribute__((always_inline)) void NAME(gru_gates)(const struct run *s, REAL *kept, REAL *products,
                                                                  long stride, const REAL *before, const REAL *factors,
                                                                  REAL *reset_state, long at, long count)
{
    const long units = s->units;
    const int recurrent = s->recurrent_activation;
    vec value[2];
    for (int gate = RESET; gate <= UPDATE; gate++) {
        vec pre = NAME(with_bias)(s->bias, NAME(load)(products + gate * stride + at, count), gate * units + at, count);
        pre = NAME(with_bias)(s->state_bias, pre, gate * units + at, count);
        value[gate] = NAME(activate)(recurrent, pre);
        if (kept)
            NAME(store)(kept + (gate == RESET ? RESET_SLOT : UPDATE_SLOT) * units + at,
                        NAME(kept)(recurrent, pre, value[gate]), count);
    }
    vec state = value[RESET] * NAME(load)(before + at, count);
    if (factors)
        state *= NAME(load)(factors + at, count);
    NAME(store)(products + UPDATE * stride + at, value[UPDATE], count);
    NAME(store)(reset_state + at, state, count);
    if (kept)
        NAME(store)(kept + STATE_SLOT * units + at, state, count);
}

/* The rest of it: n = activation(x + q) with q, what the recurrent kernel makes of r * h. */
static inline __attribute__((always_inline)) void NAME(gru_candidate)(const struct run *s, REAL *kept,
                                                                      const REAL *products, long stride,
                                                                      const REAL *before, REAL *hidden, long at,
                                                                      long count)
{
    const long units = s->units;
    vec argument = NAME(with_bias)(s->bias, NAME(load)(products + NEW * stride + at, count), NEW * units + at, count);
    vec update = NAME(load)(products + UPDATE * stride + at, count);
    vec candidate = NAME(activate)(s->activation, argument);
    NAME(store)(hidden + at, update * NAME(load)(before + at, count) + (1 - update) * candidate, count);
    if (kept)
        NAME(store)(kept + NEW_SLOT * units + at, NAME(kept)(s->activation, argument, candidate), count);
}

/* of_product: the gradient of r * h. */
static inline __attribute__((always_inline)) void NAME(gru_reset_backward)(const struct run *s, const REAL *kept,
                                                                           REAL *gradients, const REAL *before,
                                                                           const REAL *factors, const REAL *of_product,
                                                                           REAL *of_hidden, long at, long count)
{
    const long units = s->units;
    const int recurrent = s->recurrent_activation;
    vec of_reset = NAME(load)(kept + RESET_SLOT * units + at, count);
    vec gradient = NAME(load)(of_product + at, count);
    if (factors)
        gradient *= NAME(load)(factors + at, count);
    NAME(store)(gradients + RESET_SLOT * units + at,
                NAME(times_slope)(recurrent, gradient * NAME(load)(before + at, count), of_reset), count);
    NAME(store)(of_hidden + at, NAME(load)(of_hidden + at, count) + gradient * NAME(value)(recurrent, of_reset), count);
}
