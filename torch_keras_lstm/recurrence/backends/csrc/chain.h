/* A chain: several layers in one call, for inference of little work, over and over.
 *
 * chained_call.py works out once what such a call depends on, and which steps it is made of; a Chain keeps both. A call
 * looks whether all of that is still so, which is a few dozen comparisons, runs the steps one after the other between
 * memory of its own, and returns a new tensor. Where something has changed it returns None, and the call goes the long
 * way. The lock of the interpreter is held all the time, so that nobody else comes between, and the memory and the
 * states need no other lock: the work is less than what it would take to hand the lock over.
 */

/* What has to be as it was: `expected` is the very object that is found. */
enum fact_kind {
    ENTRY,        /* in the dictionary `owner` under `key`; NULL for no entry */
    EMPTY,        /* the dictionary in the dictionary `owner` under `key` */
    ATTRIBUTE,    /* of `owner`, by the name `key` */
    CLASS,        /* of `owner` */
    ANSWER,       /* of the function `owner` */
    ANSWER_ABOUT, /* of the function `owner`, given `key` */
    TENSOR,       /* as ENTRY, a pair: the tensor, and another that shares its memory, sizes and strides with it */
    FACT_KINDS
};

struct fact {
    long kind;
    PyObject *owner, *key, *expected;
};

/* Each with the numbers that it is made of; addresses of 0 stand for the inputs of the call. */
enum step_kind {
    RUN,         /* whether it is worth several threads; bytes from its inputs to the first step's; a run's numbers */
    LOOK_UP,     /* count, whether indices have 4 bytes, rows, bytes of a row, table, outputs, mask or 0 */
    DENSE,       /* rows, features, units, activation, inputs, weight, bias or 0, outputs */
    MASK_ROWS,   /* rows, features, the value's bits as a double, inputs, outputs, mask */
    COPY,        /* pieces, bytes of each, from, bytes between its pieces, to */
    ZERO_MASKED, /* batch, time, bytes of a step, mask, outputs of all steps, whether before the first one alone */
    ZERO_LAST,   /* batch, time, bytes of a row, mask, outputs, whether only where no step counts */
    STEP_KINDS
};
enum { STEP_SIZE = 2 + FORWARD_COUNT };
static const int STEP_SIZES[] = {STEP_SIZE, 7, 8, 6, 5, 6, 6};

struct chain_step {
    long kind;
    long long a[STEP_SIZE];
};

typedef struct {
    PyObject_HEAD
    const struct kernel *kernel;
    const struct between *between;
    size_t bytes, mask_bytes;
    const void *result, *mask; /* where the steps leave them; the mask is NULL where there is none */
    PyObject *facts_kept, *held;
    PyObject *input_type, *input_shape, *input_dtype;
    PyObject *states; /* of each stateful layer: its dictionary, the list in there, the tensors in the list */
    PyObject *adopt;  /* what puts those lists there again, with what was there instead */
    PyObject *empty_like, *like, *mask_like; /* what makes the outputs */
    PyObject *rest;                          /* what is done to them, or None */
    PyObject *threads;                       /* how many there are */
    Py_ssize_t fact_count, step_count;
    struct fact *facts;
    struct chain_step *steps;
} Chain;

static PyObject *name_of_mask, *name_of_kept, *name_of_dtype, *name_of_shape, *name_of_is_cpu, *name_of_is_contiguous,
    *name_of_is_neg, *name_of_data_ptr, *name_of_is_set_to;

static const struct between *between_of(const struct kernel *kernel)
{
#ifdef HAS_WIDER
    if (kernel == &kernel_float_avx512)
        return &between_float_avx512;
    if (kernel == &kernel_double_avx512)
        return &between_double_avx512;
    if (kernel == &kernel_float_avx2)
        return &between_float_avx2;
    if (kernel == &kernel_double_avx2)
        return &between_double_avx2;
#endif
    return kernel == &kernel_float ? &between_float : &between_double;
}

/* Whether a new reference is to that object; it is given back. */
static int is_the(PyObject *found, PyObject *expected)
{
    Py_XDECREF(found);
    return found != NULL && found == expected;
}

static int holds(const struct fact *fact)
{
    PyObject *found;
    switch (fact->kind) {
    case ENTRY:
        return PyDict_GetItemWithError(fact->owner, fact->key) == fact->expected;
    case EMPTY:
        found = PyDict_GetItemWithError(fact->owner, fact->key);
        return found != NULL && PyDict_Check(found) && PyDict_Size(found) == 0;
    case ATTRIBUTE:
        return is_the(PyObject_GetAttr(fact->owner, fact->key), fact->expected);
    case CLASS:
        return (PyObject *)Py_TYPE(fact->owner) == fact->expected;
    case ANSWER:
        return is_the(PyObject_CallNoArgs(fact->owner), fact->expected);
    case ANSWER_ABOUT:
        return is_the(PyObject_CallFunctionObjArgs(fact->owner, fact->key, NULL), fact->expected);
    default: {
        PyObject *weight = PyTuple_GetItem(fact->expected, 0);
        if (PyDict_GetItemWithError(fact->owner, fact->key) != weight)
            return 0;
        return is_the(
            PyObject_CallMethodObjArgs(weight, name_of_is_set_to, PyTuple_GetItem(fact->expected, 1), NULL), Py_True);
    }
    }
}

/* Where the numbers of a tensor lie; 0 with an exception set where it does not tell. */
static long long place_of(PyObject *tensor)
{
    PyObject *place = PyObject_CallMethodObjArgs(tensor, name_of_data_ptr, NULL);
    if (place == NULL)
        return 0;
    const long long found = PyLong_AsLongLong(place);
    Py_DECREF(place);
    return found;
}

static int are_expected(const Chain *chain, PyObject *inputs)
{
    if ((PyObject *)Py_TYPE(inputs) != chain->input_type)
        return 0;
    PyObject *shape = PyObject_GetAttr(inputs, name_of_shape); /* first, by which most others differ */
    const int is_alike = shape != NULL && PyObject_RichCompareBool(shape, chain->input_shape, Py_EQ) == 1;
    Py_XDECREF(shape);
    if (!is_alike)
        return 0;
    for (Py_ssize_t i = 0; i < chain->fact_count; i++)
        if (!holds(&chain->facts[i]))
            return 0;
    if (!is_the(PyObject_GetAttr(inputs, name_of_dtype), chain->input_dtype) ||
        !is_the(PyObject_GetAttr(inputs, name_of_is_cpu), Py_True) ||
        !is_the(PyObject_CallMethodObjArgs(inputs, name_of_is_contiguous, NULL), Py_True) ||
        !is_the(PyObject_CallMethodObjArgs(inputs, name_of_is_neg, NULL), Py_False))
        return 0;
    return !PyObject_HasAttr(inputs, name_of_mask);
}

/* Whether the stateful layers' states are those that the steps work on. */
static int are_in_place(const Chain *chain)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(chain->states); i++) {
        PyObject *entry = PyTuple_GetItem(chain->states, i);
        PyObject *kept = PyTuple_GetItem(entry, 1), *tensors = PyTuple_GetItem(entry, 2);
        if (PyDict_GetItemWithError(PyTuple_GetItem(entry, 0), name_of_kept) != kept ||
            PyList_Size(kept) != PyTuple_Size(tensors))
            return 0;
        for (Py_ssize_t j = 0; j < PyTuple_Size(tensors); j++)
            if (PyList_GetItem(kept, j) != PyTuple_GetItem(tensors, j))
                return 0;
    }
    return 1;
}

#define AT(number) ((char *)(intptr_t)(number))

/* Write the rows of a table that indices ask for. Returns 0, or 1 where there is no such row. */
static int look_up(const long long *a, const char *inputs)
{
    for (long long i = 0; i < a[0]; i++) {
        const long long index = a[1] ? ((const int32_t *)inputs)[i] : ((const int64_t *)inputs)[i];
        if (index < 0 || index >= a[2])
            return 1;
        memcpy(AT(a[5]) + i * a[3], AT(a[4]) + index * a[3], (size_t)a[3]);
        if (a[6])
            AT(a[6])[i] = index != 0;
    }
    return 0;
}

static void zero_masked(const long long *a)
{
    const char *mask = AT(a[3]);
    char *outputs = AT(a[4]);
    for (long long row = 0; row < a[0]; row++) {
        int shows = 0; /* the state of a step that counted */
        for (long long step = 0; step < a[1]; step++, mask++, outputs += a[2]) {
            shows = *mask || (shows && a[5]);
            if (!shows)
                memset(outputs, 0, (size_t)a[2]);
        }
    }
}

static void zero_last(const long long *a)
{
    const char *mask = AT(a[3]);
    for (long long row = 0; row < a[0]; row++, mask += a[1]) {
        int shows = mask[a[1] - 1];
        for (long long step = 0; a[5] && step < a[1]; step++)
            shows |= mask[step];
        if (!shows)
            memset(AT(a[4]) + row * a[2], 0, (size_t)a[2]);
    }
}

/* Returns 0, 1 where the call has to go the long way, or -1 where there is no memory. */
static int take_step(const Chain *chain, const struct chain_step *step, char *inputs, int threads)
{
    const long long *a = step->a;
    switch (step->kind) {
    case RUN: {
        struct run run;
        if (read_run(&run, a + 2, 0))
            return 1;
        run.inputs = (run.inputs ? (const char *)run.inputs : inputs) + a[1];
        return run_all(&run, 1, chain->kernel, 0, a[0] ? threads : 1);
    }
    case LOOK_UP:
        return look_up(a, inputs);
    case DENSE:
        chain->between->dense(a[0], a[1], a[2], (int)a[3], a[4] ? AT(a[4]) : inputs, AT(a[5]), AT(a[6]), AT(a[7]));
        return 0;
    case MASK_ROWS: {
        double value;
        memcpy(&value, &a[2], sizeof value);
        chain->between->mask_rows(a[0], a[1], value, a[3] ? AT(a[3]) : inputs, AT(a[4]), (unsigned char *)AT(a[5]));
        return 0;
    }
    case COPY:
        for (long long i = 0; i < a[0]; i++)
            memcpy(AT(a[4]) + i * a[1], AT(a[2]) + i * a[3], (size_t)a[1]);
        return 0;
    case ZERO_MASKED:
        zero_masked(a);
        return 0;
    default:
        zero_last(a);
        return 0;
    }
}

/* A new tensor like `like` with these numbers. */
static PyObject *new_tensor(const Chain *chain, PyObject *like, const void *from, size_t bytes)
{
    PyObject *made = PyObject_CallFunctionObjArgs(chain->empty_like, like, NULL);
    const long long place = made ? place_of(made) : 0;
    if (place)
        memcpy(AT(place), from, bytes);
    else if (made != NULL)
        Py_CLEAR(made);
    return made;
}

static PyObject *chain_run(PyObject *self, PyObject *inputs)
{
    const Chain *chain = (const Chain *)self;
    int threads = 1;
    if (!are_expected(chain, inputs)) {
        PyErr_Clear(); /* whatever could not be asked, the long way meets it too */
        Py_RETURN_NONE;
    }
    if (!are_in_place(chain)) {
        PyObject *adopted = PyObject_CallNoArgs(chain->adopt);
        if (adopted == NULL)
            return NULL;
        if (!is_the(adopted, Py_True))
            Py_RETURN_NONE;
    }
    if (chain->threads != Py_None) {
        PyObject *found = PyObject_CallNoArgs(chain->threads);
        threads = found ? (int)PyLong_AsLong(found) : -1;
        Py_XDECREF(found);
        if (threads < 1)
            return NULL;
    }
    char *place = AT(place_of(inputs));
    if (place == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < chain->step_count; i++) {
        const int failed = take_step(chain, &chain->steps[i], place, threads);
        if (failed < 0)
            return PyErr_NoMemory();
        if (failed)
            Py_RETURN_NONE;
    }
    PyObject *outputs = new_tensor(chain, chain->like, chain->result, chain->bytes);
    if (outputs != NULL && chain->mask != NULL) {
        PyObject *mask = new_tensor(chain, chain->mask_like, chain->mask, chain->mask_bytes);
        if (mask == NULL || PyObject_SetAttr(outputs, name_of_mask, mask))
            Py_CLEAR(outputs);
        Py_XDECREF(mask);
    }
    if (outputs == NULL || chain->rest == Py_None)
        return outputs;
    PyObject *all = PyObject_CallFunctionObjArgs(chain->rest, outputs, NULL);
    Py_DECREF(outputs);
    return all;
}

static int read_facts(Chain *chain)
{
    chain->facts = PyMem_Calloc((size_t)PyTuple_Size(chain->facts_kept) + 1, sizeof *chain->facts);
    if (chain->facts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_Size(chain->facts_kept); i++) {
        struct fact *fact = &chain->facts[i];
        PyObject *given = PyTuple_GetItem(chain->facts_kept, i);
        if (!PyArg_ParseTuple(given, "lOO|O", &fact->kind, &fact->owner, &fact->key, &fact->expected))
            return -1;
        const int has_dict = fact->kind == ENTRY || fact->kind == EMPTY || fact->kind == TENSOR;
        const int is_pair = fact->expected && PyTuple_Check(fact->expected) && PyTuple_Size(fact->expected) == 2;
        if (fact->kind < 0 || fact->kind >= FACT_KINDS || (has_dict && !PyDict_Check(fact->owner)) ||
            (fact->kind == TENSOR && !is_pair) ||
            (fact->expected == NULL && fact->kind != ENTRY && fact->kind != EMPTY)) {
            PyErr_SetString(PyExc_ValueError, "no such fact");
            return -1;
        }
        chain->fact_count++;
    }
    return 0;
}

static int read_steps(Chain *chain, PyObject *given)
{
    chain->steps = PyMem_Calloc((size_t)PyTuple_Size(given) + 1, sizeof *chain->steps);
    if (chain->steps == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_Size(given); i++) {
        struct chain_step *step = &chain->steps[i];
        PyObject *numbers = PyTuple_GetItem(given, i);
        struct run run;
        step->kind = PyTuple_Check(numbers) && PyTuple_Size(numbers) ? PyLong_AsLong(PyTuple_GetItem(numbers, 0))
                                                                        : STEP_KINDS;
        int wrong = step->kind < 0 || step->kind >= STEP_KINDS ||
                    PyTuple_Size(numbers) != 1 + STEP_SIZES[step->kind];
        for (Py_ssize_t j = 0; !wrong && j + 1 < PyTuple_Size(numbers); j++) {
            step->a[j] = PyLong_AsLongLong(PyTuple_GetItem(numbers, j + 1));
            wrong = step->a[j] == -1 && PyErr_Occurred();
        }
        if (wrong || (step->kind == RUN && read_run(&run, step->a + 2, 0)) ||
            (step->kind == DENSE && (step->a[3] < 0 || step->a[3] >= ACTIVATION_COUNT))) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "no such step");
            return -1;
        }
        chain->step_count++;
    }
    return 0;
}

static int chain_traverse(PyObject *self, visitproc visit, void *arg)
{
    Chain *chain = (Chain *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(chain->facts_kept);
    Py_VISIT(chain->held);
    Py_VISIT(chain->input_type);
    Py_VISIT(chain->input_shape);
    Py_VISIT(chain->input_dtype);
    Py_VISIT(chain->states);
    Py_VISIT(chain->adopt);
    Py_VISIT(chain->empty_like);
    Py_VISIT(chain->like);
    Py_VISIT(chain->mask_like);
    Py_VISIT(chain->rest);
    Py_VISIT(chain->threads);
    return 0;
}

static int chain_clear(PyObject *self)
{
    Chain *chain = (Chain *)self;
    chain->fact_count = 0;
    Py_CLEAR(chain->input_type); /* without which nothing is run any more */
    Py_CLEAR(chain->facts_kept);
    Py_CLEAR(chain->held);
    Py_CLEAR(chain->input_shape);
    Py_CLEAR(chain->input_dtype);
    Py_CLEAR(chain->states);
    Py_CLEAR(chain->adopt);
    Py_CLEAR(chain->empty_like);
    Py_CLEAR(chain->like);
    Py_CLEAR(chain->mask_like);
    Py_CLEAR(chain->rest);
    Py_CLEAR(chain->threads);
    return 0;
}

static void chain_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    chain_clear(self);
    PyMem_Free(((Chain *)self)->facts);
    PyMem_Free(((Chain *)self)->steps);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* Chain(kernel, is_double, facts, (type, shape, dtype) of the inputs, steps, states, adopt, (empty_like, like, address,
 * bytes), (mask_like, address, bytes), rest, threads, held) */
static PyObject *chain_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    long kernel;
    int is_double;
    long long result, mask;
    Py_ssize_t bytes, mask_bytes;
    PyObject *steps;
    (void)keywords;
    Chain *chain = (Chain *)PyType_GenericAlloc(type, 0);
    if (chain == NULL)
        return NULL;
    if (!PyArg_ParseTuple(args, "lpO!(OOO)O!O!O(OOLn)(OLn)OOO", &kernel, &is_double, &PyTuple_Type,
                          &chain->facts_kept, &chain->input_type, &chain->input_shape, &chain->input_dtype,
                          &PyTuple_Type, &steps, &PyTuple_Type, &chain->states, &chain->adopt, &chain->empty_like,
                          &chain->like, &result, &bytes, &chain->mask_like, &mask, &mask_bytes, &chain->rest,
                          &chain->threads, &chain->held)) {
        memset((char *)chain + sizeof(PyObject), 0, sizeof *chain - sizeof(PyObject)); /* borrowed until now */
        Py_DECREF(chain);
        return NULL;
    }
    PyObject *const owned[] = {chain->facts_kept, chain->input_type, chain->input_shape, chain->input_dtype,
                               chain->states,     chain->adopt,      chain->empty_like,  chain->like,
                               chain->mask_like,  chain->rest,       chain->threads,     chain->held};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        Py_INCREF(owned[i]);
    if (kernel < 0 || kernel >= kernel_count) {
        PyErr_SetString(PyExc_ValueError, "no such kernel");
        Py_DECREF(chain);
        return NULL;
    }
    chain->kernel = kernels[kernel][is_double != 0];
    chain->between = between_of(chain->kernel);
    chain->result = AT(result);
    chain->mask = AT(mask);
    chain->bytes = (size_t)bytes;
    chain->mask_bytes = (size_t)mask_bytes;
    if (read_facts(chain) || read_steps(chain, steps)) {
        Py_DECREF(chain);
        return NULL;
    }
    return (PyObject *)chain;
}

/* dense(kernel, is_double, rows, features, units, activation, inputs, weight, bias or 0, outputs) */
static PyObject *dense(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    enum { COUNT = 10 };
    long long a[COUNT];
    (void)module;
    if (given != COUNT)
        return PyErr_Format(PyExc_TypeError, "expected %d integers, got %zd", COUNT, given);
    for (Py_ssize_t i = 0; i < COUNT; i++) {
        a[i] = PyLong_AsLongLong(arguments[i]);
        if (a[i] == -1 && PyErr_Occurred())
            return NULL;
    }
    if (a[0] < 0 || a[0] >= kernel_count || a[5] < 0 || a[5] >= ACTIVATION_COUNT)
        return PyErr_Format(PyExc_ValueError, "no such kernel or activation");
    between_of(kernels[a[0]][a[1] != 0])
        ->dense(a[2], a[3], a[4], (int)a[5], AT(a[6]), AT(a[7]), AT(a[8]), AT(a[9]));
    Py_RETURN_NONE;
}
#undef AT

static PyObject *chain_fits(PyObject *self, PyObject *inputs)
{
    const int fits = are_expected((const Chain *)self, inputs);
    PyErr_Clear();
    return PyBool_FromLong(fits);
}

static PyMethodDef chain_methods[] = {
    {"fits", chain_fits, METH_O, "Whether all is as it was, and the inputs are of the same kind."},
    {"run", chain_run, METH_O, "The outputs for such inputs; None where the call is of another kind."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot chain_slots[] = {
    {Py_tp_new, chain_new},       {Py_tp_dealloc, chain_free}, {Py_tp_traverse, chain_traverse},
    {Py_tp_clear, chain_clear},   {Py_tp_methods, chain_methods}, {0, NULL},
};
static PyType_Spec chain_spec = {
    "torch_keras_lstm.recurrence.backends._c_kernels.Chain", sizeof(Chain), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, chain_slots,
};

/* Put `Chain` into the module. */
static int add_chain(PyObject *module)
{
    const struct {
        PyObject **at;
        const char *name;
    } names[] = {
        {&name_of_mask, "_keras_mask"},     {&name_of_kept, "_kept"},
        {&name_of_dtype, "dtype"},          {&name_of_shape, "shape"},
        {&name_of_is_cpu, "is_cpu"},        {&name_of_is_contiguous, "is_contiguous"},
        {&name_of_is_neg, "is_neg"},        {&name_of_data_ptr, "data_ptr"},
        {&name_of_is_set_to, "is_set_to"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*names[i].at == NULL && (*names[i].at = PyUnicode_InternFromString(names[i].name)) == NULL)
            return -1;
    PyObject *type = PyType_FromSpec(&chain_spec);
    const int failed = type == NULL || PyModule_AddObjectRef(module, "Chain", type);
    Py_XDECREF(type);
    return failed ? -1 : 0;
}
