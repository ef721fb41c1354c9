/* Rows of a batch through all steps, forth and back, whatever the cell: masks, dropout, products, and who does what. */

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

/* How many numbers apart the gradients of one row are: not a power of two, or few of them would fit into a cache. */
static long NAME(gradient_stride)(const struct run *s)
{
    return s->gradient_width + COLUMNS;
}

/* How many bytes of these are for what the way forth did not keep of a region of steps. */
static long NAME(restored_numbers)(const struct run *s, long rows)
{
    const long cells = s->cell == LSTM ? s->region * s->units : 0;
    return rows * (cells + (s->again ? s->region * s->kept_width + s->units : 0));
}

/* How many bytes a team takes for so many rows and steps: products, and on the way back gradients. */
static size_t NAME(shared)(const struct run *s, int back, long rows, long steps)
{
    const long width = s->groups * s->panels * COLUMNS;
    if (back) {
        const size_t gradients = rows * (width + steps * NAME(gradient_stride)(s)) * sizeof(REAL);
        const size_t forth = s->again ? NAME(shared)(s->again, 0, rows, s->again->steps) : 0;
        return NAME(restored_numbers)(s, rows) * sizeof(REAL) + (gradients > forth ? gradients : forth);
    }
    const long others = s->cell == GRU ? width : s->cell == GRU_RESET_BEFORE ? s->units : 0;
    return rows * (steps * width + others) * sizeof(REAL);
}

/* How many bytes a thread takes beside these: pointers and places for each row of each step, where each step starts,
 * and rows times their factors; on the way back a panel of rows, and gradients of inputs. */
static size_t NAME(scratch)(const struct run *s, int back, long rows, long steps)
{
    const long dropped = s->input_factors && s->features > s->units ? s->features : s->units;
    const long numbers = dropped + (back ? COLUMNS + s->input_panels * COLUMNS : 0);
    const size_t bytes =
        rows * steps * (4 * sizeof(void *) + 2 * sizeof(long) + numbers * sizeof(REAL)) + (steps + 1) * sizeof(long);
    const size_t forth = back && s->again ? NAME(scratch)(s->again, 0, rows, s->again->steps) : 0;
    return bytes > forth ? bytes : forth;
}

/* How many bytes the sums of a run's gradients of weights and biases take: those of the kernels in panels, in the
 * order of the weights, those of the biases as the gradients of a step stand. */
static size_t NAME(sums)(const struct run *s)
{
    const long columns = (s->of_input_weight ? s->input_panels : 0) + (s->of_weight ? s->panels : 0);
    return (s->gates * s->units * columns * COLUMNS + s->gradient_width) * sizeof(REAL);
}

/* Some panels of a kernel, (gates * units, depth). With several groups of gates each has panels of its own, and the
 * others follow it. */
static void NAME(pack_share)(const struct run *s, const void *kernel, void *packed, long depth, long share,
                             long shares)
{
    const long width = s->gates * s->units / s->groups;
    for (long group = 0; group < s->groups; group++)
        NAME(pack)((REAL *)packed + group * s->panels * depth * COLUMNS, (const REAL *)kernel + group * width * depth,
                   depth, width, 1, depth, 0, s->panels * share / shares, s->panels * (share + 1) / shares);
}

/* The same for the way back, on which kernels are multiplied from the other side. */
static void NAME(pack_back_share)(const struct run *s, long share, long shares)
{
    const long units = s->units, depth = s->gates * units / s->groups;
    const long roll = s->groups == 1 && s->cell == GRU ? NEW * units : 0; /* as the gradients stand */
    for (long group = 0; group < s->groups; group++) {
        NAME(pack)((REAL *)s->packed + group * s->panels * depth * COLUMNS,
                   (const REAL *)s->weight + group * depth * units, depth, units, units, 1, 0,
                   s->panels * share / shares, s->panels * (share + 1) / shares);
        if (s->of_inputs)
            NAME(pack)((REAL *)s->input_packed + group * s->input_panels * depth * COLUMNS,
                       (const REAL *)s->input_weight + group * depth * s->features, depth, s->features, s->features, 1,
                       roll, s->input_panels * share / shares, s->input_panels * (share + 1) / shares);
    }
}

/* The rows that a step counts for, of those from `first` to `stop`. */
static long NAME(active_rows)(const struct run *s, long step, long first, long stop, long *active)
{
    long count = 0;
    for (long row = first; row < stop; row++)
        if (s->mask == NULL || s->mask[step * s->mask_step + row * s->mask_row])
            active[count++] = row;
    return count;
}

/* Rows times a kernel, packed or not, for one group of gates: a member's share of the columns. */
static void NAME(multiply_group)(const struct run *s, const struct team *team, long rows, long depth, long group,
                                 const void *kernel, const void *packed, const REAL *const *left, REAL **out, int more)
{
    const long width = s->gates * s->units / s->groups;
    const long first = s->panels * team->member / team->members, stop = s->panels * (team->member + 1) / team->members;
    if (packed) {
        for (long i = 0; i < rows; i++)
            out[i] += first * COLUMNS;
        NAME(multiply)(rows, depth, left, (const REAL *)packed + (group * s->panels + first) * depth * COLUMNS,
                       stop - first, out, more);
    } else {
        const long from = width * team->member / team->members, to = width * (team->member + 1) / team->members;
        for (long i = 0; i < rows; i++)
            NAME(multiply_unpacked)((const REAL *)kernel + (group * width + from) * depth, left[i], out[i] + from,
                                    to - from, depth, more);
    }
}

/* Write a row times its factors. */
static const REAL *NAME(drop)(REAL *to, const REAL *from, const REAL *factors, long length)
{
    EACH_VECTOR(length, NAME(store)(to + at, NAME(load)(from + at, count) * NAME(load)(factors + at, count), count));
    return to;
}

/* The factors of a row's hidden state where it enters a group of gates; NULL without dropout. */
static const REAL *NAME(factors_of)(const struct run *s, long group, long row)
{
    if (!s->factors)
        return NULL;
    return (const REAL *)s->dropout + ((s->factors == 1 ? 0 : group) * s->batch + row) * s->units;
}

/* The rows from `first` to `stop` through all steps, by a team of threads of which each calls this: each multiplies
 * with its share of the columns, and takes its share of the rows from products to states. */
static void NAME(forward)(const struct run *s, const struct team *team, long first, long stop, void *shared,
                          void *memory, void *sums)
{
    const long units = s->units, features = s->features, rows = stop - first, most = rows * s->steps;
    const long width = s->groups * s->panels * COLUMNS;
    const long stride = s->groups > 1 ? s->panels * COLUMNS : units; /* from gate to gate */
    const long own_first = first + rows * team->member / team->members;
    const long own_stop = first + rows * (team->member + 1) / team->members;
    REAL *products = shared;
    REAL *others = products + most * width; /* of a GRU, the state's products, or r * h */
    const REAL **left = memory;
    REAL **out = (REAL **)(left + most);
    long *active = (long *)(out + most), *starts = active + most;
    REAL *dropped = (REAL *)(starts + s->steps + 1);
    const REAL *before = s->hidden_first, *cell_before = s->cell_first;
    long before_row = s->first_row;
    (void)sums;
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
            REAL *hidden = (REAL *)s->hidden + (begin + step) * s->hidden_step;
            REAL *cell = (REAL *)s->cells + (begin + step) / s->cells_every * s->cells_step;
            REAL *kept = s->kept ? (REAL *)s->kept + (begin + step) * s->kept_step : NULL;
            const long *here = active + starts[step];
            REAL *product = products + starts[step] * width;
            const long count = starts[step + 1] - starts[step];
            for (long group = 0; group < (s->cell == GRU_RESET_BEFORE ? NEW : s->groups); group++) {
                for (long i = 0; i < count; i++) {
                    const REAL *factors = NAME(factors_of)(s, group, here[i]);
                    left[i] = before + (here[i] - s->rows_from) * before_row;
                    if (factors)
                        left[i] = NAME(drop)(dropped + i * units, left[i], factors, units);
                    out[i] = (s->cell == GRU ? others : product) + i * width + group * s->panels * COLUMNS;
                }
                NAME(multiply_group)(s, team, count, units, group, s->weight, s->packed, left, out, s->cell != GRU);
            }
            wait_for_all(team);
            if (s->cell == GRU_RESET_BEFORE) {
                for (long i = 0; i < count; i++) {
                    const long row = here[i], place = row - s->rows_from;
                    if (row >= own_first && row < own_stop)
                        EACH_VECTOR(units, NAME(gru_gates)(s, kept ? kept + place * s->kept_width : NULL,
                                                           product + i * width, stride, before + place * before_row,
                                                           NAME(factors_of)(s, NEW, row), others + i * units, at,
                                                           count));
                    left[i] = others + i * units;
                    out[i] = product + i * width + NEW * s->panels * COLUMNS;
                }
                wait_for_all(team);
                NAME(multiply_group)(s, team, count, units, NEW, s->weight, s->packed, left, out, 1);
                wait_for_all(team);
            }
            for (long row = own_first, i = 0; row < own_stop; row++) {
                const long place = row - s->rows_from;
                REAL *to = hidden + place * s->hidden_row, *keep = kept ? kept + place * s->kept_width : NULL;
                const REAL *from = before + place * before_row, *of_row = product + i * width;
                while (i < count && here[i] < row)
                    of_row = product + ++i * width;
                if (i == count || here[i] != row) { /* passed over; what is kept is nothing, but not left to chance */
                    memmove(to, from, units * sizeof(REAL));
                    if (s->cell == LSTM)
                        memmove(cell + place * units, cell_before + place * units, units * sizeof(REAL));
                    if (keep)
                        memset(keep, 0, s->kept_width * sizeof(REAL));
                    continue;
                }
                switch (s->cell) {
                case LSTM:
                    EACH_VECTOR(units, NAME(lstm_forward)(s, keep, of_row, stride, cell_before + place * units,
                                                          cell + place * units, to, at, count));
                    break;
                case GRU:
                    EACH_VECTOR(units, NAME(gru_forward)(s, keep, of_row, others + i * width, stride, from, to, at,
                                                         count));
                    break;
                case GRU_RESET_BEFORE:
                    EACH_VECTOR(units, NAME(gru_candidate)(s, keep, of_row, stride, from, to, at, count));
                    break;
                default:
                    EACH_VECTOR(units, NAME(simple_forward)(s, keep, of_row, to, at, count));
                }
            }
            wait_for_all(team);
            before = hidden;
            before_row = s->hidden_row;
            cell_before = cell;
        }
    }
}

/* The rows of some steps on the way back, one after the other as the steps came, those that are passed over left out. */
struct NAME(rows) {
    long count, stride;
    const REAL *gradients;    /* `stride` apart */
    const REAL **inputs;      /* (features) each */
    const REAL **before;      /* (units) each, the hidden state before */
    const REAL **reset_state; /* (units) each, r * h, of a GRU whose reset gate comes first */
    const long *row, *step;
};

/* Write the gradients of their inputs: a member's share of the columns. */
static void NAME(input_gradients)(const struct run *s, const struct team *team, const struct NAME(rows) *r,
                                  const REAL **left, REAL **out, REAL *products)
{
    const long units = s->units, depth = s->gates * units / s->groups, width = s->input_panels * COLUMNS;
    const long first = s->input_panels * team->member / team->members;
    const long stop = s->input_panels * (team->member + 1) / team->members;
    const long from = first * COLUMNS;
    const long columns = (stop * COLUMNS < s->features ? stop * COLUMNS : s->features) - from;
    for (long group = 0; group < s->groups && columns > 0; group++) {
        for (long i = 0; i < r->count; i++) {
            left[i] = r->gradients + i * r->stride + (s->groups > 1 ? INPUT_SLOTS[s->cell][group] * units : 0);
            out[i] = products + i * width + from;
        }
        NAME(multiply)(r->count, depth, left,
                       (const REAL *)s->input_packed + (group * s->input_panels + first) * depth * COLUMNS,
                       stop - first, out, 0);
        for (long i = 0; i < r->count; i++) {
            REAL *to = (REAL *)s->of_inputs + r->step[i] * s->of_inputs_step + r->row[i] * s->of_inputs_row + from;
            const REAL *product = products + i * width + from;
            const REAL *factors =
                s->input_factors
                    ? (const REAL *)s->input_dropout + (group * s->batch + r->row[i]) * s->features + from
                    : NULL;
            EACH_VECTOR(columns, {
                vec sum = NAME(load)(product + at, count);
                if (factors)
                    sum *= NAME(load)(factors + at, count);
                NAME(store)(to + at, group ? NAME(load)(to + at, count) + sum : sum, count);
            });
        }
    }
}

/* Add what they contribute to the gradient of one kernel: a member's share of its rows, each gate's by itself.
 *
 * right: what the kernel is multiplied with, (depth) for each row. slots: where the gates stand among the gradients.
 * sums: (gates * units, whole panels).
 */
static void NAME(kernel_gradient)(const struct run *s, const struct team *team, const struct NAME(rows) *r,
                                  const REAL *const *right, long depth, const signed char *slots, long first_gate,
                                  long stop_gate, REAL *sums, REAL *panel)
{
    const long units = s->units, stride = NAME(panels_of)(depth) * COLUMNS;
    for (long column = 0; column < depth; column += COLUMNS) {
        NAME(gather)(panel, right, r->count, column, depth);
        for (long gate = first_gate; gate < stop_gate;) {
            long following = gate + 1; /* gates that stand side by side are one to this */
            while (following < stop_gate && slots[following] == slots[following - 1] + 1)
                following++;
            const long rows = (following - gate) * units;
            const long first = rows * team->member / team->members, stop = rows * (team->member + 1) / team->members;
            NAME(add_outer)(stop - first, r->count, r->gradients + slots[gate] * units + first, r->stride, panel,
                            sums + (gate * units + first) * stride + column, stride);
            gate = following;
        }
    }
}

/* Add what they contribute to the gradients of kernels and biases. */
static void NAME(weight_gradients)(const struct run *s, const struct team *team, const struct NAME(rows) *r,
                                   const REAL **dropped_rows, REAL *dropped, REAL *panel, REAL *sums)
{
    const long units = s->units, features = s->features, each = s->gates / s->groups;
    for (long group = 0; group < s->groups && s->of_input_weight; group++) {
        const REAL **right = r->inputs;
        if (s->input_factors) {
            right = dropped_rows;
            for (long i = 0; i < r->count; i++)
                right[i] = NAME(drop)(dropped + i * features, r->inputs[i],
                                      (const REAL *)s->input_dropout + (group * s->batch + r->row[i]) * features,
                                      features);
        }
        NAME(kernel_gradient)(s, team, r, right, features, INPUT_SLOTS[s->cell], group * each, (group + 1) * each, sums,
                              panel);
    }
    if (s->of_input_weight)
        sums += s->gates * units * s->input_panels * COLUMNS;
    for (long group = 0; group < s->groups && s->of_weight; group++) {
        const REAL **right = r->before;
        if (s->cell == GRU_RESET_BEFORE && group == NEW) {
            right = r->reset_state;
        } else if (s->factors) {
            right = dropped_rows;
            for (long i = 0; i < r->count; i++)
                right[i] = NAME(drop)(dropped + i * units, r->before[i], NAME(factors_of)(s, group, r->row[i]), units);
        }
        NAME(kernel_gradient)(s, team, r, right, units, STATE_SLOTS[s->cell], group * each, (group + 1) * each, sums,
                              panel);
    }
    if (s->of_weight)
        sums += s->gates * units * s->panels * COLUMNS;
    if (s->of_bias || s->of_state_bias) {
        const long first = s->gradient_width * team->member / team->members;
        const long stop = s->gradient_width * (team->member + 1) / team->members;
        for (long i = 0; i < r->count; i++) {
            const REAL *from = r->gradients + i * r->stride + first;
            REAL *to = sums + first;
            EACH_VECTOR(stop - first,
                        NAME(store)(to + at, NAME(load)(to + at, count) + NAME(load)(from + at, count), count));
        }
    }
}

/* What there is of some steps once `restore` has seen to it. */
struct NAME(restored) {
    const REAL *kept, *cells;
    long step, row, rows; /* the first of each, and how many */
};

static const REAL *NAME(kept_of)(const struct run *s, const struct NAME(restored) *r, long step, long row)
{
    if (s->again)
        return r->kept + ((step - r->step) * r->rows + row - r->row) * s->kept_width;
    return (const REAL *)s->kept + step * s->kept_step + row * s->kept_width;
}

static const REAL *NAME(hidden_before)(const struct run *s, long step, long row)
{
    if (step == 0)
        return (const REAL *)s->hidden_first + row * s->first_row;
    return (const REAL *)s->hidden + (step - 1) * s->hidden_step + row * s->hidden_row;
}

/* The cell state after a step, or before the first one. */
static const REAL *NAME(cell_of)(const struct run *s, const struct NAME(restored) *r, long step, long row)
{
    if (step < 0)
        return (const REAL *)s->cell_first + row * s->units;
    if ((step + 1) % s->cells_every == 0 || step == s->time - 1)
        return (const REAL *)s->cells + step / s->cells_every * s->cells_step + row * s->units;
    return r->cells + ((step - r->step) * r->rows + row - r->row) * s->units;
}

/* Compute once more what the way forth did not keep of the steps from `start` to `end`: the cell states between those
 * that it kept, of a member's rows; or where it kept no gates, these steps as they were. */
static void NAME(restore)(const struct run *s, const struct team *team, long start, long end, long first, long stop,
                          struct NAME(restored) *r, REAL *memory, void *shared, void *scratch)
{
    const long units = s->units, rows = stop - first;
    REAL *cells = memory, *kept = cells + (s->cell == LSTM ? s->region * rows * units : 0);
    *r = (struct NAME(restored)){kept, cells, start, first, rows};
    if (s->again) {
        struct run some = *s->again;
        some.time = end - start;
        some.inputs = (const REAL *)s->inputs + start * s->inputs_step;
        some.mask = s->mask ? s->mask + start * s->mask_step : NULL;
        some.rows_from = first;
        some.kept = kept;
        some.kept_step = rows * s->kept_width;
        some.cells = cells;
        some.cells_step = rows * units;
        some.cells_every = 1;
        some.hidden = kept + s->region * rows * s->kept_width;
        some.hidden_step = 0;
        some.hidden_row = units;
        some.hidden_first = NAME(hidden_before)(s, start, first);
        some.first_row = start ? s->hidden_row : s->first_row;
        some.cell_first = s->cell == LSTM ? NAME(cell_of)(s, r, start - 1, first) : NULL;
        NAME(forward)(&some, team, first, stop, shared, scratch, NULL);
    } else if (s->cell == LSTM) {
        for (long row = first + rows * team->member / team->members;
             row < first + rows * (team->member + 1) / team->members; row++)
            for (long step = start; step < end - 1; step++) {
                REAL *cell = cells + ((step - start) * rows + row - first) * units;
                const REAL *before = NAME(cell_of)(s, r, step - 1, row);
                if (s->mask && !s->mask[step * s->mask_step + row * s->mask_row])
                    memcpy(cell, before, units * sizeof(REAL));
                else
                    EACH_VECTOR(units, NAME(lstm_cell)(s, NAME(kept_of)(s, r, step, row), before, cell, at, count));
            }
    }
}

/* The rows from `first` to `stop` on the way back. What a step leaves for the gradients of inputs and weights is made
 * use of when there are some steps of it, while it is in a cache. */
static void NAME(backward)(const struct run *s, const struct team *team, long first, long stop, void *shared,
                           void *memory, void *sums)
{
    const long units = s->units, width = s->groups * s->panels * COLUMNS, depth = s->gates * units / s->groups;
    const long rows = stop - first, most = rows * s->steps, stride = NAME(gradient_stride)(s);
    const long first_panel = s->panels * team->member / team->members;
    const long stop_panel = s->panels * (team->member + 1) / team->members;
    const long own_first = first + rows * team->member / team->members;
    const long own_stop = first + rows * (team->member + 1) / team->members;
    REAL *products = (REAL *)shared + NAME(restored_numbers)(s, rows), *gradients = products + rows * width;
    struct NAME(restored) restored;
    const REAL **left = memory, **inputs = left + most, **before_rows = inputs + most;
    REAL **out = (REAL **)(before_rows + most);
    long *active = (long *)(out + most), *step_of = active + most;
    REAL *dropped = (REAL *)(step_of + most);
    REAL *panel = dropped + most * (s->input_factors && s->features > units ? s->features : units);
    REAL *of_inputs = panel + most * COLUMNS;
    REAL *of_hidden = s->of_hidden, *of_cell = s->of_cell;
    for (long end = s->time, start = end, begin; end > 0; end = begin) {
        long filled = 0;
        if (end == start) {
            start = (end - 1) / s->region * s->region;
            NAME(restore)(s, team, start, end, first, stop, &restored, shared, products, memory);
        }
        begin = end - start > s->steps ? end - s->steps : start;
        for (long step = end - 1; step >= begin; step--) {
            REAL *of_step = gradients + filled * stride;
            long *here = active + filled;
            const long count = NAME(active_rows)(s, step, first, stop, here);
            for (long row = own_first, i = 0; row < own_stop; row++) {
                REAL *to = of_hidden + row * units;
                if (s->of_outputs) {
                    const REAL *more =
                        (const REAL *)s->of_outputs + step * s->of_outputs_step + row * s->of_outputs_row;
                    EACH_VECTOR(units,
                                NAME(store)(to + at, NAME(load)(to + at, count) + NAME(load)(more + at, count), count));
                }
                while (i < count && here[i] < row)
                    i++;
                if (i == count || here[i] != row) {
                    if (s->of_inputs)
                        memset((REAL *)s->of_inputs + step * s->of_inputs_step + row * s->of_inputs_row, 0,
                               s->features * sizeof(REAL));
                    continue;
                }
                const REAL *from = NAME(kept_of)(s, &restored, step, row);
                const REAL *state = NAME(hidden_before)(s, step, row);
                REAL *of_row = of_step + i * stride;
                switch (s->cell) {
                case LSTM: {
                    const REAL *cell = NAME(cell_of)(s, &restored, step, row);
                    const REAL *cell_before = NAME(cell_of)(s, &restored, step - 1, row);
                    EACH_VECTOR(units, NAME(lstm_backward)(s, from, of_row, cell_before, cell, to,
                                                           of_cell + row * units, at, count));
                    break;
                }
                case GRU:
                    EACH_VECTOR(units, NAME(gru_backward)(s, from, of_row, state, to, at, count));
                    break;
                case GRU_RESET_BEFORE:
                    EACH_VECTOR(units, NAME(gru_backward_from_state)(s, from, of_row, state, to, at, count));
                    break;
                default:
                    EACH_VECTOR(units, NAME(simple_backward)(s, from, of_row, to, at, count));
                }
            }
            wait_for_all(team);
            const int reset_first = s->cell == GRU_RESET_BEFORE;
            for (long turn = reset_first ? -1 : 0; turn < s->groups - reset_first; turn++) {
                const long group = turn < 0 ? NEW : turn; /* through the candidate's product to the reset gate */
                const signed char slot = STATE_SLOTS[s->cell][group];
                for (long i = 0; i < count; i++) {
                    left[i] = of_step + i * stride + slot * units;
                    out[i] = products + i * width + (group * s->panels + first_panel) * COLUMNS;
                }
                NAME(multiply)(count, depth, left,
                               (const REAL *)s->packed + (group * s->panels + first_panel) * depth * COLUMNS,
                               stop_panel - first_panel, out, 0);
                if (turn >= 0)
                    continue;
                wait_for_all(team);
                for (long i = 0; i < count; i++) {
                    const long row = here[i];
                    if (row >= own_first && row < own_stop)
                        EACH_VECTOR(units,
                                    NAME(gru_reset_backward)(
                                        s, NAME(kept_of)(s, &restored, step, row), of_step + i * stride,
                                        NAME(hidden_before)(s, step, row), NAME(factors_of)(s, NEW, row),
                                        products + i * width + NEW * s->panels * COLUMNS, of_hidden + row * units, at,
                                        count));
                }
                wait_for_all(team);
            }
            wait_for_all(team);
            const int adds = s->cell == GRU || reset_first; /* to what passed the step by */
            for (long i = 0; i < count; i++) {
                inputs[filled + i] = (const REAL *)s->inputs + step * s->inputs_step + here[i] * s->inputs_row;
                before_rows[filled + i] = NAME(hidden_before)(s, step, here[i]);
                step_of[filled + i] = step;
                if (here[i] < own_first || here[i] >= own_stop)
                    continue;
                REAL *to = of_hidden + here[i] * units;
                for (long group = 0; group < s->groups - reset_first; group++) {
                    const REAL *product = products + i * width + group * s->panels * COLUMNS;
                    const REAL *factors = NAME(factors_of)(s, group, here[i]);
                    EACH_VECTOR(units, {
                        vec sum = NAME(load)(product + at, count);
                        if (factors)
                            sum *= NAME(load)(factors + at, count);
                        NAME(store)(to + at, adds || group ? NAME(load)(to + at, count) + sum : sum, count);
                    });
                }
            }
            filled += count;
        }
        const struct NAME(rows) all = {filled, stride, gradients, inputs, before_rows, left, active, step_of};
        if (s->of_inputs)
            NAME(input_gradients)(s, team, &all, left, out, of_inputs);
        if (s->cell == GRU_RESET_BEFORE)
            for (long i = 0; i < filled; i++)
                left[i] = NAME(kept_of)(s, &restored, step_of[i], active[i]) + STATE_SLOT * units;
        NAME(weight_gradients)(s, team, &all, (const REAL **)out, dropped, panel, sums);
        wait_for_all(team);
    }
}

/* A share of the gradients of kernels and biases: the sums of what the teams found, NULL where one had nothing to do. */
static void NAME(add_up)(const struct run *s, void *const *sums, long teams, long share, long shares)
{
    const long units = s->units, rows = s->gates * units;
    const long first = rows * share / shares, stop = rows * (share + 1) / shares;
    const long depths[] = {s->features, units};
    REAL *const to_kernels[] = {s->of_input_weight, s->of_weight};
    REAL *const to_biases[] = {s->of_bias, s->of_state_bias};
    const signed char *const slots[] = {INPUT_SLOTS[s->cell], STATE_SLOTS[s->cell]};
    long offset = 0;
    for (int which = 0; which < 2; which++) {
        const long depth = depths[which], stride = NAME(panels_of)(depth) * COLUMNS;
        if (to_kernels[which] == NULL)
            continue;
        for (long row = first; row < stop; row++) {
            REAL *to = to_kernels[which] + row * depth;
            EACH_VECTOR(depth, {
                vec sum = ALL(0);
                for (long team = 0; team < teams; team++)
                    if (sums[team])
                        sum += NAME(load)((const REAL *)sums[team] + offset + row * stride + at, count);
                NAME(store)(to + at, sum, count);
            });
        }
        offset += rows * stride;
    }
    for (int which = 0; which < 2; which++)
        for (long row = first; row < stop && to_biases[which]; row++) {
            const long gate = row / units;
            REAL sum = 0; /* the candidate has no second bias where the reset gate comes first */
            if (which == 0 || s->cell != GRU_RESET_BEFORE || gate != NEW)
                for (long team = 0; team < teams; team++)
                    if (sums[team])
                        sum += ((const REAL *)sums[team])[offset + slots[which][gate] * units + row % units];
            to_biases[which][row] = sum;
        }
}
