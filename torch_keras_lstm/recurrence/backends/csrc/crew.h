/* The threads that help a call, and how its work is shared out.
 *
 * Work comes in shares, and a share's number says what is computed, so that it does not matter who takes it. The caller
 * takes shares as its helpers do, and waits only for those that a helper has begun: where the processors have other things
 * to do, helpers come late or not at all, and the call takes as long as it would without them. The helpers look for work
 * for a while and then sleep, so that calls that follow each other find them awake, and torch's own threads find the
 * processors free. One call has them at a time; others that are made meanwhile, by other threads, work alone.
 */

/* Looks at what others are about to do, before a thread leaves its processor to them: some ten microseconds. */
#define LOOKS 2000
/* Looks at whether a team is complete: a few microseconds. Who sleeps still is awake for the next call. */
#define FEW_LOOKS 300
/* Looks for work before a helper sleeps: the few hundred microseconds that pass between the ways of a training step. */
#define IDLE_LOOKS 20000
#define MOST_HELPERS 255

typedef void work(void *context, long share, long shares);

static struct {
    pthread_mutex_t caller, bed;
    pthread_cond_t morning;
    long helpers;  /* that were ever started */
    long sleepers;
    uint64_t book; /* which piece of work it is, how many helpers may take shares, how many shares there are, how many are
                    * taken: 28 bits and three times 12. */
    work *work;
    void *context;
    long done;
    long members; /* of a team, 0 until that is known; or -1 for shares of which none waits for another */
} crew = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, NULL, NULL, 0, -1};

#define TAKEN(book) ((long)((book)&0xfff))
#define SHARES(book) ((long)((book) >> 12 & 0xfff))
#define ALLOWED(book) ((long)((book) >> 24 & 0xfff))
#define OPENED(book) ((book) >> 36)

static inline void look_away(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Wait until `*number` is something else: briefly at work, then with the processor left to others. */
static inline void wait_for_change(const long *number, long from)
{
    for (long looks = 0; __atomic_load_n(number, __ATOMIC_ACQUIRE) == from; looks++)
        if (looks < LOOKS)
            look_away();
        else
            sched_yield();
}

static int has_share(uint64_t book, long helper)
{
    return helper < ALLOWED(book) && TAKEN(book) < SHARES(book);
}

/* Take a share of the work that the book is open at, and do it. Returns whether there was one. */
static int take_share(long helper)
{
    uint64_t book = __atomic_load_n(&crew.book, __ATOMIC_ACQUIRE);
    do
        if (!has_share(book, helper))
            return 0;
    while (!__atomic_compare_exchange_n(&crew.book, &book, book + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    /* What follows stays as it is until this share is done: the caller waits for it. */
    long shares = SHARES(book);
    if (__atomic_load_n(&crew.members, __ATOMIC_RELAXED) >= 0) {
        wait_for_change(&crew.members, 0);
        shares = __atomic_load_n(&crew.members, __ATOMIC_RELAXED);
    }
    crew.work(crew.context, TAKEN(book), shares);
    __atomic_add_fetch(&crew.done, 1, __ATOMIC_RELEASE);
    return 1;
}

static void *help(void *number)
{
    const long helper = (long)(intptr_t)number;
    for (long looks = 0;;) {
        if (take_share(helper)) {
            looks = 0;
        } else if (looks++ < IDLE_LOOKS) {
            look_away();
        } else {
            pthread_mutex_lock(&crew.bed);
            __atomic_add_fetch(&crew.sleepers, 1, __ATOMIC_SEQ_CST);
            while (!has_share(__atomic_load_n(&crew.book, __ATOMIC_SEQ_CST), helper))
                pthread_cond_wait(&crew.morning, &crew.bed);
            __atomic_sub_fetch(&crew.sleepers, 1, __ATOMIC_SEQ_CST);
            pthread_mutex_unlock(&crew.bed);
            looks = 0;
        }
    }
    return NULL;
}

/* Start helpers up to a number; where the system has no more threads, fewer. They leave signals to the caller's process. */
static void start_helpers(long wanted)
{
    sigset_t all, before;
    pthread_attr_t detached;
    if (crew.helpers >= wanted || pthread_attr_init(&detached))
        return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (pthread_t thread; crew.helpers < wanted; crew.helpers++)
        if (pthread_create(&thread, &detached, help, (void *)(intptr_t)crew.helpers))
            break;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
}

static void open_book(work *work, void *context, long shares, long taken, long helpers, long members)
{
    crew.work = work;
    crew.context = context;
    __atomic_store_n(&crew.done, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&crew.members, members, __ATOMIC_RELAXED);
    const uint64_t opened = OPENED(__atomic_load_n(&crew.book, __ATOMIC_RELAXED)) + 1;
    __atomic_store_n(&crew.book, opened << 36 | (uint64_t)helpers << 24 | (uint64_t)shares << 12 | (uint64_t)taken,
                     __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&crew.sleepers, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&crew.bed);
        pthread_cond_broadcast(&crew.morning);
        pthread_mutex_unlock(&crew.bed);
    }
}

/* Do each share once, by so many threads at most. */
static void share_out(work *work, void *context, long shares, int has_crew)
{
    if (!has_crew || shares == 1) {
        for (long share = 0; share < shares; share++)
            work(context, share, shares);
        return;
    }
    open_book(work, context, shares, 0, shares - 1, -1);
    while (take_share(-1)) {
    }
    for (long done; (done = __atomic_load_n(&crew.done, __ATOMIC_ACQUIRE)) < shares;)
        wait_for_change(&crew.done, done);
}

/* Have a team at work whose members wait for each other: of the helpers wanted those that come at once. */
static void work_together(work *work, void *context, long wanted, int has_crew)
{
    if (!has_crew || wanted == 1) {
        work(context, 0, 1);
        return;
    }
    open_book(work, context, wanted, 1, wanted - 1, 0);
    uint64_t book = __atomic_load_n(&crew.book, __ATOMIC_ACQUIRE);
    for (long looks = 0; looks < FEW_LOOKS && TAKEN(book) < wanted; looks++) {
        look_away();
        book = __atomic_load_n(&crew.book, __ATOMIC_ACQUIRE);
    }
    while (!__atomic_compare_exchange_n(&crew.book, &book, (book & ~(uint64_t)0xfff) | (uint64_t)wanted, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    const long members = TAKEN(book);
    __atomic_store_n(&crew.members, members, __ATOMIC_RELEASE);
    work(context, 0, members);
    for (long done; (done = __atomic_load_n(&crew.done, __ATOMIC_ACQUIRE)) < members - 1;)
        wait_for_change(&crew.done, done);
}

/* Have the crew for a call that could use so many threads. Returns whether it is there, and is to be left. */
static int meet_crew(long threads)
{
    if (threads < 2 || pthread_mutex_trylock(&crew.caller))
        return 0;
    start_helpers(threads - 1);
    return 1;
}

static void leave_crew(int has_crew)
{
    if (has_crew)
        pthread_mutex_unlock(&crew.caller);
}

/* A process that was forked has the thread that forked it, and no helpers: it starts its own. */
static void forget_crew(void)
{
    pthread_mutex_init(&crew.caller, NULL);
    pthread_mutex_init(&crew.bed, NULL);
    pthread_cond_init(&crew.morning, NULL);
    crew.helpers = crew.sleepers = 0;
    crew.book = 0;
}

/* Where the members of a team wait for each other. */
struct meeting {
    long here, times;
};

/* One thread of those that work on the same rows. */
struct team {
    long member, members;
    struct meeting *meeting;
};

static inline void wait_for_all(const struct team *team)
{
    struct meeting *meeting = team->meeting;
    if (team->members == 1)
        return;
    const long times = __atomic_load_n(&meeting->times, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&meeting->here, 1, __ATOMIC_ACQ_REL) == team->members) {
        __atomic_store_n(&meeting->here, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&meeting->times, times + 1, __ATOMIC_RELEASE);
    } else {
        wait_for_change(&meeting->times, times);
    }
}
