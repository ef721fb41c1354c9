/* A convolutional LSTM over the places of images, forth and back.
 *
 * A place sees the hidden states of those around it, so threads share the images and wait for each other once a step.
 * The states that a step reads stand in images with a border of zeros, twice, so that nobody writes to those that others
 * still read. The places of a line that a window's row covers lie side by side, as one row of a matrix product: nothing
 * is copied out.
 */

/* Some places of one line of an image. */
struct NAME(tile) {
    long image, plane, line, first, count;
    long place; /* the first, counted over all images */
};

/* How many numbers an image with its border has of so many channels. */
static long NAME(bordered)(const struct images *m, long channels)
{
    long places = 1;
    for (int axis = 0; axis < 3; axis++)
        places *= m->sizes[axis] + m->window[axis] - 1;
    return places * channels;
}

static long NAME(channels)(const struct images *m, int back)
{
    return back ? m->run.gates * m->run.units / m->run.groups : m->run.units;
}

/* How many numbers stand in one set of images with borders: of each group of gates, for each image. */
static size_t NAME(image_numbers)(const struct images *m, int back)
{
    return m->run.groups * m->run.batch * NAME(bordered)(m, NAME(channels)(m, back));
}

static long NAME(image_panels)(const struct images *m, int back)
{
    return NAME(panels_of)(back ? m->run.units : m->run.gates * m->run.units / m->run.groups);
}

/* Bytes: of the kernel in panels, of images with borders, and of what each thread has to itself. */
static void NAME(image_sizes)(const struct images *m, int back, size_t *packed, size_t *images, size_t *scratch)
{
    const long panels = NAME(image_panels)(m, back), rows = m->window[0] * m->window[1];
    *packed = m->run.groups * rows * panels * m->window[2] * NAME(channels)(m, back) * COLUMNS * sizeof(REAL);
    *images = NAME(image_numbers)(m, back) * sizeof(REAL);
    *scratch = MOST_PLACES * (2 * sizeof(void *) + sizeof(long) + m->run.groups * panels * COLUMNS * sizeof(REAL));
}

/* The kernel in panels, a thread's share. It comes as (groups, windows' planes, lines and places, channels, columns). */
static void NAME(pack_images)(const struct images *m, int back, void *packed, long share, long shares)
{
    const long panels = NAME(image_panels)(m, back), depth = m->window[2] * NAME(channels)(m, back);
    const long columns = back ? m->run.units : m->run.gates * m->run.units / m->run.groups;
    const long parts = m->run.groups * m->window[0] * m->window[1];
    for (long part = parts * share / shares; part < parts * (share + 1) / shares; part++)
        NAME(pack)((REAL *)packed + part * panels * depth * COLUMNS, (const REAL *)m->run.weight + part * depth * columns,
                   depth, columns, columns, 1, 0, 0, panels);
}

static struct NAME(tile) NAME(tile_of)(const struct images *m, long index)
{
    const long tiles = (m->sizes[2] + MOST_PLACES - 1) / MOST_PLACES, lines = index / tiles;
    const long first = m->sizes[2] * (index % tiles) / tiles, stop = m->sizes[2] * (index % tiles + 1) / tiles;
    return (struct NAME(tile)){
        .image = lines / m->sizes[1] / m->sizes[0],
        .plane = lines / m->sizes[1] % m->sizes[0],
        .line = lines % m->sizes[1],
        .first = first,
        .count = stop - first,
        .place = lines * m->sizes[2] + first,
    };
}

/* Where a place of a tile stands in images with borders, moved by so many planes and lines. */
static REAL *NAME(in_images)(const struct images *m, const struct NAME(tile) *t, REAL *images, long group,
                             long channels, long plane, long line, long place)
{
    const long lines = m->sizes[1] + m->window[1] - 1, width = m->sizes[2] + m->window[2] - 1;
    const long image = (group * m->run.batch + t->image) * NAME(bordered)(m, channels);
    return images + image + (((t->plane + plane) * lines + t->line + line) * width + t->first + place) * channels;
}

/* Whether a place of a tile counts at a step. */
static int NAME(counts)(const struct images *m, const struct NAME(tile) *t, long step, long place)
{
    const struct run *s = &m->run;
    const long places = m->sizes[0] * m->sizes[1] * m->sizes[2];
    return s->mask == NULL || s->mask[step * s->mask_step + t->image * s->mask_row + t->place % places + place];
}

/* Add to the products of some places of a tile what the images around them give. */
static void NAME(slide)(const struct images *m, const struct NAME(tile) *t, REAL *images, const REAL *packed, int back,
                        const long *places, long count, const REAL **left, REAL **out, REAL *products)
{
    const long channels = NAME(channels)(m, back), panels = NAME(image_panels)(m, back);
    const long depth = m->window[2] * channels, width = m->run.groups * panels * COLUMNS;
    for (long group = 0; group < m->run.groups; group++)
        for (long plane = 0; plane < m->window[0]; plane++)
            for (long line = 0; line < m->window[1]; line++, packed += panels * depth * COLUMNS) {
                for (long i = 0; i < count; i++) {
                    left[i] = NAME(in_images)(m, t, images, group, channels, plane, line, places[i]);
                    out[i] = products + i * width + group * panels * COLUMNS;
                }
                NAME(multiply)(count, depth, left, packed, panels, out, 1);
            }
}

/* The factors of a place's hidden state where it enters a group of gates; NULL without dropout. */
static const REAL *NAME(place_factors)(const struct images *m, const struct NAME(tile) *t, long group, long place)
{
    const struct run *s = &m->run;
    const long places = s->batch * m->sizes[0] * m->sizes[1] * m->sizes[2];
    return s->factors ? (const REAL *)s->dropout + (group * places + t->place + place) * s->units : NULL;
}

/* Write the hidden state of a place, times its factors, to where a step finds it. */
static void NAME(show)(const struct images *m, const struct NAME(tile) *t, REAL *images, const REAL *hidden, long place)
{
    const long units = m->run.units;
    for (long group = 0; group < m->run.groups; group++) {
        const REAL *factors = NAME(place_factors)(m, t, group, place);
        REAL *to = NAME(in_images)(m, t, images, group, units, m->before[0], m->before[1], m->before[2] + place);
        if (factors)
            NAME(drop)(to, hidden, factors, units);
        else
            memcpy(to, hidden, units * sizeof(REAL));
    }
}

/* All steps, of a share of the places. */
static void NAME(images_forward)(const struct images *m, const struct team *team, long tiles, void *packed,
                                 void *const *images, void *memory)
{
    const struct run *s = &m->run;
    const long units = s->units, gates = s->gates * units, panels = NAME(image_panels)(m, 0);
    const long width = s->groups * panels * COLUMNS, stride = s->groups > 1 ? panels * COLUMNS : units;
    const long first = tiles * team->member / team->members, stop = tiles * (team->member + 1) / team->members;
    const long image = m->sizes[0] * m->sizes[1] * m->sizes[2];
    const REAL **left = memory;
    REAL **out = (REAL **)(left + MOST_PLACES);
    long *active = (long *)(out + MOST_PLACES);
    REAL *products = (REAL *)(active + MOST_PLACES);
    memset(products, 0, MOST_PLACES * width * sizeof(REAL));
    for (long index = first; index < stop; index++) {
        const struct NAME(tile) t = NAME(tile_of)(m, index);
        for (long i = 0; i < t.count; i++)
            NAME(show)(m, &t, images[0], (const REAL *)s->hidden_first + (t.place + i) * units, i);
    }
    wait_for_all(team);
    for (long step = 0; step < s->time; step++) {
        REAL *cells = (REAL *)s->cells + step * s->cells_step;
        const REAL *cells_before = step ? cells - s->cells_step : s->cell_first;
        REAL *kept = s->kept ? (REAL *)s->kept + step * s->batch * image * gates : NULL;
        for (long index = first; index < stop; index++) {
            const struct NAME(tile) t = NAME(tile_of)(m, index);
            const long start = t.place - t.image * image; /* in its image */
            const REAL *projected =
                (const REAL *)s->inputs + step * s->inputs_step + t.image * s->inputs_row + start * gates;
            REAL *hidden = (REAL *)s->hidden + step * s->hidden_step + t.image * s->hidden_row + start * units;
            const REAL *before =
                step ? hidden - s->hidden_step : (const REAL *)s->hidden_first + t.place * units;
            long count = 0;
            for (long i = 0; i < t.count; i++)
                if (NAME(counts)(m, &t, step, i))
                    active[count++] = i;
            for (long i = 0; i < count; i++)
                for (long group = 0; group < s->groups; group++)
                    memcpy(products + i * width + group * panels * COLUMNS,
                           projected + active[i] * gates + group * gates / s->groups,
                           gates / s->groups * sizeof(REAL));
            NAME(slide)(m, &t, images[step % 2], packed, 0, active, count, left, out, products);
            for (long i = 0, at_active = 0; i < t.count; i++) {
                const long place = t.place + i;
                REAL *keep = kept ? kept + place * gates : NULL, *to = hidden + i * units;
                if (at_active < count && active[at_active] == i) {
                    const REAL *product = products + at_active++ * width;
                    EACH_VECTOR(units, NAME(lstm_forward)(s, keep, product, stride, cells_before + place * units,
                                                          cells + place * units, to, at, count));
                } else {
                    memmove(to, before + i * units, units * sizeof(REAL));
                    memmove(cells + place * units, cells_before + place * units, units * sizeof(REAL));
                    if (keep)
                        memset(keep, 0, gates * sizeof(REAL));
                }
                NAME(show)(m, &t, images[(step + 1) % 2], to, i);
            }
        }
        wait_for_all(team);
    }
}

/* The same on the way back: the gradients of what the inputs contribute, and of the states before the first step. */
static void NAME(images_backward)(const struct images *m, const struct team *team, long tiles, void *packed,
                                  void *const *images, void *memory)
{
    const struct run *s = &m->run;
    const long units = s->units, gates = s->gates * units, each = gates / s->groups, panels = NAME(image_panels)(m, 1);
    const long width = s->groups * panels * COLUMNS, image = m->sizes[0] * m->sizes[1] * m->sizes[2];
    const long first = tiles * team->member / team->members, stop = tiles * (team->member + 1) / team->members;
    const REAL **left = memory;
    REAL **out = (REAL **)(left + MOST_PLACES);
    long *all = (long *)(out + MOST_PLACES);
    REAL *products = (REAL *)(all + MOST_PLACES);
    for (long i = 0; i < MOST_PLACES; i++)
        all[i] = i;
    for (long step = s->time - 1; step >= 0; step--) {
        const REAL *kept = (const REAL *)s->kept + step * s->batch * image * gates;
        const REAL *cells = (const REAL *)s->cells + step * s->cells_step;
        const REAL *cells_before = step ? cells - s->cells_step : s->cell_first;
        REAL *gradients = images[step % 2];
        for (long index = first; index < stop; index++) {
            const struct NAME(tile) t = NAME(tile_of)(m, index);
            const long start = t.place - t.image * image;
            REAL *of_inputs =
                (REAL *)s->of_inputs + step * s->of_inputs_step + t.image * s->of_inputs_row + start * gates;
            const REAL *of_outputs = s->of_outputs ? (const REAL *)s->of_outputs + step * s->of_outputs_step +
                                                         t.image * s->of_outputs_row + start * units
                                                   : NULL;
            for (long i = 0; i < t.count; i++) {
                const long place = t.place + i;
                REAL *of_hidden = (REAL *)s->of_hidden + place * units, *to = of_inputs + i * gates;
                if (of_outputs)
                    EACH_VECTOR(units, NAME(store)(of_hidden + at,
                                                   NAME(load)(of_hidden + at, count) +
                                                       NAME(load)(of_outputs + i * units + at, count),
                                                   count));
                if (NAME(counts)(m, &t, step, i))
                    EACH_VECTOR(units, NAME(lstm_backward)(s, kept + place * gates, to, cells_before + place * units,
                                                           cells + place * units, of_hidden,
                                                           (REAL *)s->of_cell + place * units, at, count));
                else
                    memset(to, 0, gates * sizeof(REAL));
                for (long group = 0; group < s->groups; group++)
                    memcpy(NAME(in_images)(m, &t, gradients, group, each, m->before[0], m->before[1],
                                           m->before[2] + i),
                           to + group * each, each * sizeof(REAL));
            }
        }
        wait_for_all(team);
        for (long index = first; index < stop; index++) {
            const struct NAME(tile) t = NAME(tile_of)(m, index);
            memset(products, 0, t.count * width * sizeof(REAL));
            NAME(slide)(m, &t, gradients, packed, 1, all, t.count, left, out, products);
            for (long i = 0; i < t.count; i++) {
                /* A state that was passed over is the next one itself, beside what the places around made of it. */
                const int passed = !NAME(counts)(m, &t, step, i);
                REAL *to = (REAL *)s->of_hidden + (t.place + i) * units;
                for (long group = 0; group < s->groups; group++) {
                    const REAL *product = products + i * width + group * panels * COLUMNS;
                    const REAL *factors = NAME(place_factors)(m, &t, group, i);
                    EACH_VECTOR(units, {
                        vec sum = NAME(load)(product + at, count);
                        if (factors)
                            sum *= NAME(load)(factors + at, count);
                        NAME(store)(to + at, group || passed ? NAME(load)(to + at, count) + sum : sum, count);
                    });
                }
            }
        }
    }
}

static const struct kernel NAME(kernel) = {
    sizeof(REAL),           COLUMNS,       NAME(panels_of), NAME(shared), NAME(scratch), NAME(sums), NAME(pack_share),
    NAME(pack_back_share), NAME(forward), NAME(backward),  NAME(add_up),      NAME(image_sizes),   NAME(pack_images),   NAME(images_forward), NAME(images_backward),
};
