/* One call of one run or two: which thread does what, the memory for it, and the order of it. */

/* How many threads share the columns instead of the rows, each a panel at least: where there are not rows enough for all,
 * or what a step reads of the weights is much for the rows that one thread would have; its work must be worth two
 * meetings. 0 where they share the rows. Measured with 2 MiB of second-level cache a thread, and with 1. */
static int column_threads(const struct run *s, size_t packed, int threads)
{
    const int members = s->panels < threads ? (int)s->panels : threads;
    const size_t rows = (size_t)(s->batch + threads - 1) / threads;
    const int pays =
        s->batch < members ? packed >= 192 * 1024 : packed >= 512 * 1024 && packed > 64 * 1024 * rows;
    return members > 1 && pays ? members : 0;
}

enum { BOTH = 2 }; /* directions at most */

/* What the shares of a call go by. */
struct call {
    struct run *runs;
    int count, back, packs_again;
    const struct kernel *kernel;
    long parts, teams;                      /* of the rows that go through all steps together; that have sums */
    size_t shared, scratch, sums;           /* bytes of a team, a thread, and a team and run */
    char *all_shared, *all_scratch, *all_sums;
    void **found;                           /* the sums of each run and team, NULL where it has none */
    struct meeting meeting;
};

/* A share of the kernels' panels. */
static void pack(void *context, long share, long shares)
{
    const struct call *c = context;
    for (int which = 0; which < c->count; which++) {
        const struct run *one = &c->runs[which];
        if (c->back)
            c->kernel->pack_back_share(one, share, shares);
        if (c->packs_again)
            one = one->again;
        if (!c->back || c->packs_again) {
            c->kernel->pack_share(one, one->weight, one->packed, one->units, share, shares);
            c->kernel->pack_share(one, one->input_weight, one->input_packed, one->features, share, shares);
        }
    }
}

/* Some rows of one run through all steps, by a team or a member of it. */
static void run_part(const struct call *c, const struct team *team, long share, long task)
{
    const struct run *one = &c->runs[task % c->count];
    const long part = task / c->count, place = team->members > 1 ? 0 : share;
    (c->back ? c->kernel->backward : c->kernel->forward)(
        one, team, one->batch * part / c->parts, one->batch * (part + 1) / c->parts, c->all_shared + place * c->shared,
        c->all_scratch + share * c->scratch, c->all_sums + (place * c->count + task % c->count) * c->sums);
}

static void clear_sums(const struct call *c, long team, long which)
{
    c->found[which * c->teams + team] = memset(c->all_sums + (team * c->count + which) * c->sums, 0, c->sums);
}

/* A share of the rows. */
static void run_share(void *context, long share, long shares)
{
    const struct call *c = context;
    const struct team alone = {0, 1, NULL};
    const long tasks = c->count * c->parts;
    for (long task = share; c->back && task < tasks && task < share + c->count * shares; task += shares)
        clear_sums(c, share, task % c->count);
    for (long task = share; task < tasks; task += shares)
        run_part(c, &alone, share, task);
}

/* All rows, as one of those that share their columns. */
static void run_member(void *context, long member, long members)
{
    struct call *c = context;
    const struct team team = {member, members, &c->meeting};
    for (long task = 0; task < c->parts; task++)
        run_part(c, &team, member, task);
}

/* A share of the sums of what the teams found. */
static void add_up(void *context, long share, long shares)
{
    const struct call *c = context;
    for (int which = 0; which < c->count; which++)
        c->kernel->add_up(&c->runs[which], c->found + which * c->teams, c->teams, share, shares);
}

/* Compute one run, or two of the same sizes. Returns 0, or -1 where there is no memory. */
static int run_all(struct run *runs, int count, const struct kernel *kernel, int back, int threads)
{
    struct run *const s = runs;
    const long units = s->units, width = s->gates * units / s->groups; /* of a group */
    const long panels = kernel->panels_of(back ? units : width);
    const long input_panels = back ? kernel->panels_of(s->features) : panels;
    /* Packing costs as much as some rows' products. */
    const int pack_forth = s->time * s->batch >= 8, pack_any = back || pack_forth;
    const size_t panel = pack_any ? s->groups * kernel->columns * kernel->size : 0; /* of each group, by its depth */
    const size_t packed = whole_lines(panel * panels * (back ? width : units));
    const size_t input_packed =
        back && s->of_inputs == NULL ? 0 : whole_lines(panel * input_panels * (back ? width : s->features));
    /* Where the gates were not kept, the way back goes forth again, and needs the kernels for both. */
    const int goes_again = back && s->kept == NULL;
    const long again_panels = kernel->panels_of(width);
    const int packs_again = goes_again && pack_forth;
    const size_t again_packed = packs_again ? whole_lines(panel * again_panels * units) : 0;
    const size_t again_input_packed = packs_again ? whole_lines(panel * again_panels * s->features) : 0;
    struct run again[BOTH];
    for (int which = 0; which < count; which++) {
        runs[which].panels = panels;
        runs[which].input_panels = input_panels;
        again[which] = runs[which];
        again[which].panels = again_panels;
        runs[which].again = goes_again ? &again[which] : NULL;
    }
    if (threads > MOST_HELPERS + 1)
        threads = MOST_HELPERS + 1;
    const int together = count == 1 ? column_threads(s, packed, threads) : 0;
    if (together)
        threads = together;
    else if (threads > count * s->batch)
        threads = (int)(count * s->batch);
    /* Rows that go through all steps together: few enough for their products to stay in a cache. */
    const long apart = together ? 1 : threads % count ? threads : threads / count;
    const long parts = apart * ((s->batch + apart * 64 - 1) / (apart * 64));
    const long most = (s->batch + parts - 1) / parts;
    long steps = (back ? 128 : 64) / most; /* of so many, enough rows to make a panel worth reading */
    if (steps < 1)
        steps = 1;
    if (back && steps > CELLS_EVERY)
        steps -= steps % CELLS_EVERY;
    if (steps > s->time)
        steps = s->time;
    for (int which = 0; which < count; which++) {
        runs[which].steps = steps;
        runs[which].region = (steps + CELLS_EVERY - 1) / CELLS_EVERY * CELLS_EVERY;
        again[which].steps = steps > 1 ? steps / 2 : 1;
    }
    struct call c = {
        .runs = runs,
        .count = count,
        .back = back,
        .packs_again = packs_again,
        .kernel = kernel,
        .parts = parts,
        .teams = together ? 1 : threads,
        .shared = whole_lines(kernel->shared(s, back, most, steps)),
        .scratch = whole_lines(kernel->scratch(s, back, most, steps)),
        .sums = back ? whole_lines(kernel->sums(s)) : 0,
    };
    const size_t lists = back ? whole_lines(count * c.teams * sizeof(void *)) : 0;
    char *memory;
    if (posix_memalign((void **)&memory, 64,
                       count * (packed + input_packed + again_packed + again_input_packed + c.teams * c.sums) +
                           c.teams * c.shared + threads * c.scratch + lists + 64))
        return -1;
    char *at = memory;
    for (int which = 0; which < count; which++) {
        runs[which].packed = pack_any ? at : NULL;
        runs[which].input_packed = pack_any ? at + packed : NULL;
        at += packed + input_packed;
        again[which].packed = packs_again ? at : NULL;
        again[which].input_packed = packs_again ? at + again_packed : NULL;
        at += again_packed + again_input_packed;
    }
    c.all_shared = at;
    c.all_scratch = c.all_shared + c.teams * c.shared;
    c.all_sums = c.all_scratch + threads * c.scratch;
    c.found = (void **)(c.all_sums + count * c.teams * c.sums);
    memset(c.found, 0, lists);
    const int has_crew = meet_crew(threads);
    if (pack_any)
        share_out(pack, &c, threads, has_crew);
    if (together) {
        if (back)
            clear_sums(&c, 0, 0);
        work_together(run_member, &c, threads, has_crew);
    } else {
        share_out(run_share, &c, threads, has_crew);
    }
    if (back)
        share_out(add_up, &c, threads, has_crew);
    leave_crew(has_crew);
    free(memory);
    return 0;
}
