/* torch_keras_lstm.recurrence.backends._c_kernels: an LSTM over time on a CPU, forth and back, one call for all steps.
 *
 * It knows addresses and sizes only, and no torch: c_kernels.py checks what it is given. Rows of a batch do not
 * depend on each other, so each thread takes some of them through all steps and never waits for another; but where the
 * weights are too many for a processor's own cache, threads share their columns, and wait for each other twice a step.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Gates in the order of torch. */
enum { INPUT, FORGET, CANDIDATE, OUTPUT };

/* As in the tuple ACTIVATIONS below. */
enum {
    LINEAR,
    RELU,
    TANH,
    SIGMOID,
    HARD_SIGMOID,
    FIRST_KEPT_BY_ARGUMENT,
    HARD_SIGMOID_KERAS2 = FIRST_KEPT_BY_ARGUMENT,
    SOFTSIGN
};
static const char *const ACTIVATIONS[] = {
    "linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "hard_sigmoid_keras2", "softsign",
};
#define ACTIVATION_COUNT (int)(sizeof ACTIVATIONS / sizeof *ACTIVATIONS)

/* What a call works on; strides count numbers, not bytes. All but the mask are of one floating type. */
struct lstm {
    long time, batch, features, units;
    int activation, recurrent_activation;
    /* How many sets of dropout factors there are: 0, 1 for all gates (of the hidden state), or 4, one for each gate. */
    long input_factors, factors;
    long groups;        /* of gates that are multiplied with the same numbers: 1, or 4 where there are four sets */
    long panels;        /* of each group */
    long steps;         /* whose inputs are multiplied at once */
    const void *inputs; /* (time, batch, features) */
    long inputs_step, inputs_row;
    const void *input_weight, *weight; /* (4 * units, features), (4 * units, units) */
    void *input_packed, *packed;       /* the same in panels, or NULL for the matrices as they stand */
    const void *bias;                  /* (4 * units), or NULL */
    void *gates;                       /* (time, batch, 4 * units), for what the way back needs; or NULL */
    void *hidden, *cell;               /* (time, batch, units), or (batch, units) with a stride of 0 */
    long hidden_stride, cell_stride;
    const void *hidden_first, *cell_first; /* (batch, units), before the first step */
    const unsigned char *mask;             /* (time, batch), or NULL */
    const void *input_dropout, *dropout;   /* (input_factors, batch, features), (factors, batch, units) */
    void *gradients;                       /* (time, batch, 4 * units), of the pre-activations; may be `gates` */
    const void *of_outputs;                /* (time, batch, units), or NULL */
    long of_outputs_step, of_outputs_row;
    void *of_hidden, *of_cell; /* (batch, units), after the last step; before the first one when it is over */
};

/* One thread of those that work on the same rows. */
struct team {
    long member, members;
};

static inline void wait_for_all(const struct team *team)
{
#ifdef _OPENMP
    if (team->members > 1) {
#pragma omp barrier
    }
#else
    (void)team;
#endif
}

typedef void run_rows(const struct lstm *, const struct team *, long first, long stop, void *shared, void *memory);

struct kernel {
    size_t size;
    long columns;
    long (*panels_of)(long columns);
    size_t (*products_of)(const struct lstm *, long rows, long steps);
    size_t (*scratch)(const struct lstm *, long rows, long steps);
    void (*pack_share)(const struct lstm *, const void *kernel, void *packed, long depth, long share, long shares);
    void (*pack_back_share)(const struct lstm *, long share, long shares);
    run_rows *forward, *backward;
};

/* Two vectors of products for each of ROWS rows, what multiplies them, and some to spare: 32 registers or 16. */
#if defined(__aarch64__)
#define ROWS 8
#else
#define ROWS 4
#endif
#define BYTES 16
#define SINGLE 1
#define NAME(stem) stem##_float
#include "lstm.h"
#define SINGLE 0
#define NAME(stem) stem##_double
#include "lstm.h"
#undef BYTES

/* Clang knows the wider instructions under another pragma, and its users' processors mostly another set. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAS_WIDER
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define BYTES 32
#define SINGLE 1
#define NAME(stem) stem##_float_avx2
#include "lstm.h"
#define SINGLE 0
#define NAME(stem) stem##_double_avx2
#include "lstm.h"
#undef BYTES
#pragma GCC pop_options

#undef ROWS
#define ROWS 8
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#define BYTES 64
#define SINGLE 1
#define NAME(stem) stem##_float_avx512
#include "lstm.h"
#define SINGLE 0
#define NAME(stem) stem##_double_avx512
#include "lstm.h"
#undef BYTES
#pragma GCC pop_options
#endif

/* What this processor runs, the best first; each for float and double. */
static const struct kernel *kernels[3][2];
static const char *kernel_names[3];
static int kernel_count;

static void find_kernels(void)
{
#ifdef HAS_WIDER
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl")) {
        kernels[kernel_count][0] = &kernel_float_avx512;
        kernels[kernel_count][1] = &kernel_double_avx512;
        kernel_names[kernel_count++] = "avx512";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        kernels[kernel_count][0] = &kernel_float_avx2;
        kernels[kernel_count][1] = &kernel_double_avx2;
        kernel_names[kernel_count++] = "avx2";
    }
#endif
    kernels[kernel_count][0] = &kernel_float;
    kernels[kernel_count][1] = &kernel_double;
    kernel_names[kernel_count++] = "any";
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Whether threads share the columns and not the rows: what a step reads of the weights must be much for the rows that
 * one thread would have, and its work worth two barriers. Measured with 2 MiB of second-level cache a thread. */
static int share_columns(const struct lstm *s, size_t packed, int threads)
{
    const size_t rows = (size_t)(s->batch + threads - 1) / threads;
    return threads > 1 && s->panels >= threads && packed >= 512 * 1024 && packed > 64 * 1024 * rows;
}

/* Run a call. Returns 0, or -1 where there is no memory. */
static int run(struct lstm *s, const struct kernel *kernel, int back, int threads)
{
    const long units = s->units, gates = 4 * units / s->groups; /* of a group */
    s->panels = kernel->panels_of(back ? units : gates);
    /* Packing costs as much as some rows' products. */
    const int pack = back || s->time * s->batch >= 8;
    const size_t panel_rows = s->groups * s->panels * kernel->columns * kernel->size;
    const size_t packed = pack ? whole_lines(panel_rows * (back ? gates : units)) : 0;
    const size_t input_packed = pack && !back ? whole_lines(panel_rows * s->features) : 0;
    const int together = share_columns(s, packed, threads);
    if (!together && threads > s->batch)
        threads = (int)s->batch;
    /* Rows that go through all steps together: few enough for their products to stay in a cache. */
    const long apart = together ? 1 : threads;
    const long parts = apart * ((s->batch + apart * 64 - 1) / (apart * 64));
    const long most = (s->batch + parts - 1) / parts;
    s->steps = 64 / most; /* of so many, enough rows to make a panel worth reading */
    if (s->steps > s->time)
        s->steps = s->time;
    const size_t products = whole_lines(kernel->products_of(s, most, s->steps));
    const size_t each = whole_lines(kernel->scratch(s, most, s->steps));
    char *memory;
    if (posix_memalign((void **)&memory, 64, packed + input_packed + apart * products + threads * each + 64))
        return -1;
    s->packed = pack ? memory : NULL;
    s->input_packed = pack && !back ? memory + packed : NULL;
    char *shared = memory + packed + input_packed, *scratch = shared + apart * products;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
    {
        long share = 0, shares = 1; /* fewer threads may have come than were asked for */
#ifdef _OPENMP
        share = omp_get_thread_num();
        shares = omp_get_num_threads();
#endif
        if (back) {
            kernel->pack_back_share(s, share, shares);
        } else if (pack) {
            kernel->pack_share(s, s->weight, s->packed, units, share, shares);
            kernel->pack_share(s, s->input_weight, s->input_packed, s->features, share, shares);
        }
#ifdef _OPENMP
#pragma omp barrier
#endif
        const struct team team = {together ? share : 0, together ? shares : 1};
        for (long part = together ? 0 : share; part < parts; part += together ? 1 : shares)
            (back ? kernel->backward
                  : kernel->forward)(s, &team, s->batch * part / parts, s->batch * (part + 1) / parts,
                                     shared + (together ? 0 : share) * products, scratch + share * each);
    }
    free(memory);
    return 0;
}

/* Arguments are integers, addresses among them. */
static int read_integers(PyObject *const *arguments, Py_ssize_t given, long long *to, Py_ssize_t count)
{
    if (given != count) {
        PyErr_Format(PyExc_TypeError, "expected %zd integers, got %zd", count, given);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        to[i] = PyLong_AsLongLong(arguments[i]);
        if (to[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

static PyObject *call(PyObject *const *arguments, Py_ssize_t given, int back)
{
    enum {
        KERNEL,
        IS_DOUBLE,
        THREADS,
        TIME,
        BATCH,
        UNITS,
        ACTIVATION,
        RECURRENT_ACTIVATION,
        WEIGHT,
        GATES,
        HIDDEN_FIRST,
        CELL_FIRST,
        CELL,
        MASK,
        FACTORS,
        DROPOUT,
        COMMON,
    };
    enum {
        FEATURES = COMMON,
        INPUTS,
        INPUTS_STEP,
        INPUTS_ROW,
        INPUT_WEIGHT,
        BIAS,
        HIDDEN,
        HIDDEN_STRIDE,
        CELL_STRIDE,
        INPUT_FACTORS,
        INPUT_DROPOUT,
        FORWARD_COUNT,
    };
    enum { GRADIENTS = COMMON, OF_OUTPUTS, OF_OUTPUTS_STEP, OF_OUTPUTS_ROW, OF_HIDDEN, OF_CELL, BACKWARD_COUNT };
    long long a[FORWARD_COUNT]; /* the longer of the two */
    if (read_integers(arguments, given, a, back ? BACKWARD_COUNT : FORWARD_COUNT))
        return NULL;
#define ADDRESS(which) ((void *)(intptr_t)a[which])
    struct lstm s = {
        .time = (long)a[TIME],
        .batch = (long)a[BATCH],
        .units = (long)a[UNITS],
        .activation = (int)a[ACTIVATION],
        .recurrent_activation = (int)a[RECURRENT_ACTIVATION],
        .weight = ADDRESS(WEIGHT),
        .gates = ADDRESS(GATES),
        .hidden_first = ADDRESS(HIDDEN_FIRST),
        .cell_first = ADDRESS(CELL_FIRST),
        .cell = ADDRESS(CELL),
        .mask = ADDRESS(MASK),
        .factors = (long)a[FACTORS],
        .dropout = ADDRESS(DROPOUT),
    };
    if (back) {
        s.gradients = ADDRESS(GRADIENTS);
        s.of_outputs = ADDRESS(OF_OUTPUTS);
        s.of_outputs_step = (long)a[OF_OUTPUTS_STEP];
        s.of_outputs_row = (long)a[OF_OUTPUTS_ROW];
        s.of_hidden = ADDRESS(OF_HIDDEN);
        s.of_cell = ADDRESS(OF_CELL);
    } else {
        s.features = (long)a[FEATURES];
        s.inputs = ADDRESS(INPUTS);
        s.inputs_step = (long)a[INPUTS_STEP];
        s.inputs_row = (long)a[INPUTS_ROW];
        s.input_weight = ADDRESS(INPUT_WEIGHT);
        s.bias = ADDRESS(BIAS);
        s.hidden = ADDRESS(HIDDEN);
        s.hidden_stride = (long)a[HIDDEN_STRIDE];
        s.cell_stride = (long)a[CELL_STRIDE];
        s.input_factors = (long)a[INPUT_FACTORS];
        s.input_dropout = ADDRESS(INPUT_DROPOUT);
    }
#undef ADDRESS
    s.groups = s.factors == 4 || s.input_factors == 4 ? 4 : 1;
    if (a[KERNEL] < 0 || a[KERNEL] >= kernel_count || s.activation < 0 || s.activation >= ACTIVATION_COUNT ||
        s.recurrent_activation < 0 || s.recurrent_activation >= ACTIVATION_COUNT || a[THREADS] < 1) {
        PyErr_SetString(PyExc_ValueError, "no such kernel, activation or number of threads");
        return NULL;
    }
    int failed = 0;
    if (s.time > 0 && s.batch > 0 && s.units > 0) {
        Py_BEGIN_ALLOW_THREADS failed = run(&s, kernels[a[KERNEL]][a[IS_DOUBLE] != 0], back, (int)a[THREADS]);
        Py_END_ALLOW_THREADS
    }
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *forward(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    (void)module;
    return call(arguments, given, 0);
}

static PyObject *backward(PyObject *module, PyObject *const *arguments, Py_ssize_t given)
{
    (void)module;
    return call(arguments, given, 1);
}

static PyMethodDef methods[] = {
    {"forward", (PyCFunction)(void (*)(void))forward, METH_FASTCALL, NULL},
    {"backward", (PyCFunction)(void (*)(void))backward, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int add_names(PyObject *module, const char *attribute, const char *const *names, int count)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL)
        return -1;
    for (int i = 0; i < count; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (name == NULL) {
            Py_DECREF(tuple);
            return -1;
        }
        PyTuple_SET_ITEM(tuple, i, name);
    }
    int failed = PyModule_AddObjectRef(module, attribute, tuple);
    Py_DECREF(tuple);
    return failed;
}

static int set_up(PyObject *module)
{
    if (kernel_count == 0)
        find_kernels();
    if (add_names(module, "ACTIVATIONS", ACTIVATIONS, ACTIVATION_COUNT))
        return -1;
    return add_names(module, "KERNELS", kernel_names, kernel_count);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, set_up}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_c_kernels", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__c_kernels(void)
{
    return PyModuleDef_Init(&definition);
}
