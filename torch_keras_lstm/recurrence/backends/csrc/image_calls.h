/* The calls for a convolutional LSTM: what comes from Python, memory and threads. */

/* What a call begins with; a run follows, as its argument list in kernels.c has it, whose rows are images. */
enum { SIZES = COMMON_COUNT, WINDOW = SIZES + 3, BORDER = WINDOW + 3, IMAGE_COUNT = BORDER + 3 };

/* What the shares of a call go by. */
struct image_call {
    const struct images *m;
    const struct kernel *kernel;
    int back;
    long tiles;
    void *packed;
    void *const *images;
    char *all_scratch;
    size_t scratch; /* bytes of a thread */
    struct meeting meeting;
};

static void run_tiles(void *context, long member, long members)
{
    struct image_call *c = context;
    const struct team team = {member, members, &c->meeting};
    c->kernel->pack_images(c->m, c->back, c->packed, member, members);
    wait_for_all(&team);
    (c->back ? c->kernel->images_backward : c->kernel->images_forward)(c->m, &team, c->tiles, c->packed, c->images,
                                                                       c->all_scratch + member * c->scratch);
}

static int run_images(struct images *m, const struct kernel *kernel, int back, int threads)
{
    size_t packed, images, scratch;
    kernel->image_sizes(m, back, &packed, &images, &scratch);
    packed = whole_lines(packed);
    images = whole_lines(images);
    scratch = whole_lines(scratch);
    const long tiles = m->run.batch * m->sizes[0] * m->sizes[1] * ((m->sizes[2] + MOST_PLACES - 1) / MOST_PLACES);
    if (threads > MOST_HELPERS + 1)
        threads = MOST_HELPERS + 1;
    if (threads > tiles)
        threads = (int)tiles;
    char *memory;
    if (posix_memalign((void **)&memory, 64, packed + 2 * images + threads * scratch + 64))
        return -1;
    void *const both[] = {memory + packed, memory + packed + images};
    memset(both[0], 0, 2 * images); /* the borders */
    struct image_call c = {m, kernel, back, tiles, memory, both, memory + packed + 2 * images, scratch, {0, 0}};
    const int has_crew = meet_crew(threads);
    work_together(run_tiles, &c, threads, has_crew);
    leave_crew(has_crew);
    free(memory);
    return 0;
}

static PyObject *call_images(PyObject *const *arguments, Py_ssize_t given, int back)
{
    const Py_ssize_t expected = IMAGE_COUNT + (back ? BACKWARD_COUNT : FORWARD_COUNT);
    long long a[IMAGE_COUNT + BACKWARD_COUNT];
    if (given != expected) {
        PyErr_Format(PyExc_TypeError, "expected %zd integers, got %zd", expected, given);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        a[i] = PyLong_AsLongLong(arguments[i]);
        if (a[i] == -1 && PyErr_Occurred())
            return NULL;
    }
    struct images m;
    if (a[KERNEL] < 0 || a[KERNEL] >= kernel_count || a[THREADS] < 1 || read_run(&m.run, a + IMAGE_COUNT, back) ||
        m.run.cell != LSTM) {
        PyErr_SetString(PyExc_ValueError, "no such kernel, cell, activation or number of threads");
        return NULL;
    }
    for (int axis = 0; axis < 3; axis++) {
        m.sizes[axis] = (long)a[SIZES + axis];
        m.window[axis] = (long)a[WINDOW + axis];
        m.before[axis] = (long)a[BORDER + axis];
    }
    int failed = 0;
    if (m.run.time > 0 && m.run.batch > 0 && m.sizes[0] > 0 && m.sizes[1] > 0 && m.sizes[2] > 0) {
        Py_BEGIN_ALLOW_THREADS failed =
            run_images(&m, kernels[a[KERNEL]][a[IS_DOUBLE] != 0], back, (int)a[THREADS]);
        Py_END_ALLOW_THREADS
    }
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *images_forward(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    (void)module;
    return call_images(arguments, given, 0);
}

static PyObject *images_backward(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    (void)module;
    return call_images(arguments, given, 1);
}
