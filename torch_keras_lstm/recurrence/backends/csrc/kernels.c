/* torch_keras_lstm.recurrence.backends._c_kernels: recurrent layers over time on a CPU, forth and back, one call for all
 * steps, or for both directions of a bidirectional layer.
 *
 * It knows addresses and sizes only, and no torch: c_runs.py checks what it is given. Rows of a batch do not depend on
 * each other, so each thread takes some of them through all steps and never waits for another; but where there are fewer
 * rows than threads, or more weights than a processor's own cache holds, threads share their columns, and wait for each
 * other twice a step.
 *
 * vectors.h has vectors and activations, products.h matrix products, cells.h the equations of the cells, runs.h what
 * is the same for all of them, images.h the convolutional LSTM, dense.h what stands between recurrent layers. one_type.h
 * includes these once for each floating type and width of vectors. crew.h has the threads, calls.h what a call does with
 * them; image_calls.h is how the convolutional LSTM is called, chain.h makes one call of several layers.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "crew.h"

/* What c_runs.py asks for before it calls: raised whenever arguments or their meaning change. */
#define INTERFACE 4

/* As in the tuple CELLS below. */
enum { LSTM, GRU, GRU_RESET_BEFORE, SIMPLE };
static const char *const CELLS[] = {"lstm", "gru", "gru_reset_before", "simple_rnn"};
#define CELL_COUNT (int)(sizeof CELLS / sizeof *CELLS)

/* Gates in the order of torch. */
enum { INPUT, FORGET, CANDIDATE, OUTPUT };
/* Of an LSTM's cell states every so many are kept for the way back, and the last. The others follow from the gates. */
#define CELLS_EVERY 8
enum { RESET, UPDATE, NEW };
static const long GATES[] = {4, 3, 3, 1};
/* How many numbers of each unit a step keeps, and how many gradients it has on the way back. */
static const long KEPT[] = {4, 4, 4, 1}, GRADIENTS[] = {4, 4, 3, 1};
/* Where a GRU's stand in both: so those of what the inputs contribute to are side by side, and those of what the state
 * does. The last is what the recurrent kernel makes of the state, or r * h, which has no gradient of its own. */
enum { NEW_SLOT, RESET_SLOT, UPDATE_SLOT, STATE_SLOT };
/* By gate, where the gradients are of what the inputs contribute, and of what the state does. */
static const signed char INPUT_SLOTS[][4] = {
    {0, 1, 2, 3}, {RESET_SLOT, UPDATE_SLOT, NEW_SLOT}, {RESET_SLOT, UPDATE_SLOT, NEW_SLOT}, {0}};
static const signed char STATE_SLOTS[][4] = {
    {0, 1, 2, 3}, {RESET_SLOT, UPDATE_SLOT, STATE_SLOT}, {RESET_SLOT, UPDATE_SLOT, NEW_SLOT}, {0}};

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

/* What a call works on; strides count numbers, not bytes, and may be negative. All but the mask are of one floating type. */
struct run {
    int cell;
    long time, batch, features, units;
    long gates, kept_width, gradient_width; /* of the kernels; of a row of a step */
    int activation, recurrent_activation;
    /* How many sets of dropout factors there are: 0, 1 for all gates, or as many as gates. */
    long input_factors, factors;
    long groups;               /* of gates that are multiplied with the same numbers: 1, or as many as gates */
    long panels, input_panels; /* of each group; on the way back of each of two kernels */
    long steps;                /* that are worked on at once, but for what each step has to wait for */
    long region;               /* on the way back: steps of which all that was not kept is restored at once */
    const struct run *again;   /* on the way back: the way forth, where it kept no gates; or NULL */
    const void *inputs;        /* (time, batch, features) */
    long inputs_step, inputs_row;
    const void *input_weight, *weight;     /* (gates * units, features), (gates * units, units) */
    void *input_packed, *packed;           /* the same in panels, or NULL for the matrices as they stand */
    const void *bias, *state_bias;         /* (gates * units), or NULL; the second of a GRU alone */
    void *kept;                            /* (time, batch, kept_width), for what the way back needs; or NULL */
    void *hidden;                          /* (time, batch, units), or (batch, units) with a step of 0 */
    void *cells;                           /* (time / cells_every, batch, units), the last of so many steps; or the same */
    long kept_step, hidden_step, hidden_row, cells_step, cells_every;
    const void *hidden_first, *cell_first; /* (batch, units), before the first step; the cell state is the LSTM's alone */
    long first_row;                        /* from row to row of the former */
    long rows_from;                        /* the row of the batch that is the first of these six */
    const unsigned char *mask;             /* (time, batch), or NULL */
    long mask_step, mask_row;
    const void *input_dropout, *dropout;   /* (input_factors, batch, features), (factors, batch, units) */
    const void *of_outputs;                /* (time, batch, units), or NULL */
    long of_outputs_step, of_outputs_row;
    void *of_hidden, *of_cell; /* (batch, units), after the last step; before the first one when it is over */
    void *of_inputs;           /* (time, batch, features), or NULL; so are the others */
    long of_inputs_step, of_inputs_row;
    void *of_input_weight, *of_weight, *of_bias, *of_state_bias; /* as the weights */
};

/* What a convolutional LSTM works on: a run whose rows are images. Its inputs are what theirs contribute to the gates,
 * (time, batch, places, gates * units), and everything else has places before its last axis; its weight comes as
 * images.h packs it. The memory of whole images and of all places lies in one piece, (time, batch, places, ...) of what
 * is kept, (batch, time, places) of the mask. */
struct images {
    struct run run;
    long sizes[3], window[3], before[3]; /* planes, lines and places; how much of a window stands before its place */
};
enum { MOST_PLACES = 64 }; /* that are worked on at once, so that their products stay in a cache */

typedef void run_places(const struct images *, const struct team *, long tiles, void *packed, void *const *images,
                        void *memory);
typedef void run_rows(const struct run *, const struct team *, long first, long stop, void *shared, void *memory,
                      void *sums);

struct kernel {
    size_t size;
    long columns;
    long (*panels_of)(long columns);
    size_t (*shared)(const struct run *, int back, long rows, long steps);
    size_t (*scratch)(const struct run *, int back, long rows, long steps);
    size_t (*sums)(const struct run *);
    void (*pack_share)(const struct run *, const void *kernel, void *packed, long depth, long share, long shares);
    void (*pack_back_share)(const struct run *, long share, long shares);
    run_rows *forward, *backward;
    void (*add_up)(const struct run *, void *const *sums, long teams, long share, long shares);
    void (*image_sizes)(const struct images *, int back, size_t *packed, size_t *images, size_t *scratch);
    void (*pack_images)(const struct images *, int back, void *packed, long share, long shares);
    run_places *images_forward, *images_backward;
};

/* What stands between recurrent layers, of one floating type and one width of vectors. */
struct between {
    void (*dense)(long rows, long features, long units, int activation, const void *inputs, const void *weight,
                  const void *bias, void *outputs);
    void (*mask_rows)(long rows, long features, double value, const void *inputs, void *outputs, unsigned char *mask);
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
#include "one_type.h"
#define SINGLE 0
#define NAME(stem) stem##_double
#include "one_type.h"
#undef BYTES

/* Clang knows the wider instructions under another pragma, and its users' processors mostly another set. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAS_WIDER
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define BYTES 32
#define SINGLE 1
#define NAME(stem) stem##_float_avx2
#include "one_type.h"
#define SINGLE 0
#define NAME(stem) stem##_double_avx2
#include "one_type.h"
#undef BYTES
#pragma GCC pop_options

#undef ROWS
#define ROWS 8
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#define BYTES 64
#define SINGLE 1
#define NAME(stem) stem##_float_avx512
#include "one_type.h"
#define SINGLE 0
#define NAME(stem) stem##_double_avx512
#include "one_type.h"
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

#include "calls.h"

/* What a call begins with, and what then comes for each run; some of it counts on one of the ways only. All are
 * integers, addresses among them. */
enum { KERNEL, IS_DOUBLE, THREADS, COMMON_COUNT };
enum {
    CELL,
    TIME,
    BATCH,
    FEATURES,
    UNITS,
    ACTIVATION,
    RECURRENT_ACTIVATION,
    INPUTS,
    INPUTS_STEP,
    INPUTS_ROW,
    INPUT_WEIGHT,
    WEIGHT,
    BIAS,
    STATE_BIAS,
    KEPT_NUMBERS,
    HIDDEN,
    HIDDEN_STEP,
    HIDDEN_ROW,
    CELL_STATES,
    CELL_STATES_STEP,
    HIDDEN_FIRST,
    CELL_FIRST,
    MASK,
    MASK_STEP,
    MASK_ROW,
    INPUT_FACTORS,
    INPUT_DROPOUT,
    FACTORS,
    DROPOUT,
    FORWARD_COUNT,
    OF_OUTPUTS = FORWARD_COUNT,
    OF_OUTPUTS_STEP,
    OF_OUTPUTS_ROW,
    OF_HIDDEN,
    OF_CELL,
    OF_INPUTS,
    OF_INPUTS_STEP,
    OF_INPUTS_ROW,
    OF_INPUT_WEIGHT,
    OF_WEIGHT,
    OF_BIAS,
    OF_STATE_BIAS,
    BACKWARD_COUNT
};

/* Returns 0, or -1 where a number is none that there is. */
static int read_run(struct run *s, const long long *a, int back)
{
#define ADDRESS(which) ((void *)(intptr_t)a[which])
    if (a[CELL] < 0 || a[CELL] >= CELL_COUNT || a[ACTIVATION] < 0 || a[ACTIVATION] >= ACTIVATION_COUNT ||
        a[RECURRENT_ACTIVATION] < 0 || a[RECURRENT_ACTIVATION] >= ACTIVATION_COUNT)
        return -1;
    *s = (struct run){
        .cell = (int)a[CELL],
        .time = (long)a[TIME],
        .batch = (long)a[BATCH],
        .features = (long)a[FEATURES],
        .units = (long)a[UNITS],
        .gates = GATES[a[CELL]],
        .kept_width = KEPT[a[CELL]] * (long)a[UNITS],
        .gradient_width = GRADIENTS[a[CELL]] * (long)a[UNITS],
        .activation = (int)a[ACTIVATION],
        .recurrent_activation = (int)a[RECURRENT_ACTIVATION],
        .inputs = ADDRESS(INPUTS),
        .inputs_step = (long)a[INPUTS_STEP],
        .inputs_row = (long)a[INPUTS_ROW],
        .input_weight = ADDRESS(INPUT_WEIGHT),
        .weight = ADDRESS(WEIGHT),
        .bias = ADDRESS(BIAS),
        .state_bias = ADDRESS(STATE_BIAS),
        .kept = ADDRESS(KEPT_NUMBERS),
        .kept_step = KEPT[a[CELL]] * (long)a[UNITS] * (long)a[BATCH],
        .hidden = ADDRESS(HIDDEN),
        .hidden_step = (long)a[HIDDEN_STEP],
        .hidden_row = (long)a[HIDDEN_ROW],
        .cells = ADDRESS(CELL_STATES),
        .cells_step = (long)a[CELL_STATES_STEP],
        .cells_every = CELLS_EVERY,
        .first_row = (long)a[UNITS],
        .hidden_first = ADDRESS(HIDDEN_FIRST),
        .cell_first = ADDRESS(CELL_FIRST),
        .mask = ADDRESS(MASK),
        .mask_step = (long)a[MASK_STEP],
        .mask_row = (long)a[MASK_ROW],
        .input_factors = (long)a[INPUT_FACTORS],
        .input_dropout = ADDRESS(INPUT_DROPOUT),
        .factors = (long)a[FACTORS],
        .dropout = ADDRESS(DROPOUT),
    };
    if (back) {
        s->of_outputs = ADDRESS(OF_OUTPUTS);
        s->of_outputs_step = (long)a[OF_OUTPUTS_STEP];
        s->of_outputs_row = (long)a[OF_OUTPUTS_ROW];
        s->of_hidden = ADDRESS(OF_HIDDEN);
        s->of_cell = ADDRESS(OF_CELL);
        s->of_inputs = ADDRESS(OF_INPUTS);
        s->of_inputs_step = (long)a[OF_INPUTS_STEP];
        s->of_inputs_row = (long)a[OF_INPUTS_ROW];
        s->of_input_weight = ADDRESS(OF_INPUT_WEIGHT);
        s->of_weight = ADDRESS(OF_WEIGHT);
        s->of_bias = ADDRESS(OF_BIAS);
        s->of_state_bias = ADDRESS(OF_STATE_BIAS);
    }
#undef ADDRESS
    const int apart = s->cell == GRU_RESET_BEFORE || s->factors > 1 || s->input_factors > 1;
    s->groups = apart ? s->gates : 1;
    return 0;
}

static int are_alike(const struct run *one, const struct run *other)
{
    return one->cell == other->cell && !one->kept == !other->kept && one->time == other->time && one->batch == other->batch &&
           one->features == other->features && one->units == other->units && one->groups == other->groups &&
           !one->of_inputs == !other->of_inputs && !one->of_input_weight == !other->of_input_weight &&
           !one->of_weight == !other->of_weight;
}

static PyObject *call(PyObject *const *arguments, Py_ssize_t given, int back)
{
    const Py_ssize_t each = back ? BACKWARD_COUNT : FORWARD_COUNT;
    long long a[COMMON_COUNT + BOTH * BACKWARD_COUNT];
    const Py_ssize_t count = (given - COMMON_COUNT) / each;
    if (given != COMMON_COUNT + each && given != COMMON_COUNT + BOTH * each) {
        PyErr_Format(PyExc_TypeError, "expected %zd integers, or %zd, got %zd", COMMON_COUNT + each,
                     COMMON_COUNT + BOTH * each, given);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < given; i++) {
        a[i] = PyLong_AsLongLong(arguments[i]);
        if (a[i] == -1 && PyErr_Occurred())
            return NULL;
    }
    struct run runs[BOTH];
    int wrong = a[KERNEL] < 0 || a[KERNEL] >= kernel_count || a[THREADS] < 1;
    for (Py_ssize_t which = 0; which < count && !wrong; which++)
        wrong = read_run(&runs[which], a + COMMON_COUNT + which * each, back);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "no such kernel, cell, activation or number of threads");
        return NULL;
    }
    if (count == BOTH && !are_alike(&runs[0], &runs[1])) {
        PyErr_SetString(PyExc_ValueError, "two runs that are not of the same sizes");
        return NULL;
    }
    int failed = 0;
    if (runs->time > 0 && runs->batch > 0 && runs->units > 0) {
        Py_BEGIN_ALLOW_THREADS failed =
            run_all(runs, (int)count, kernels[a[KERNEL]][a[IS_DOUBLE] != 0], back, (int)a[THREADS]);
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

#include "image_calls.h"

#include "chain.h"

static PyMethodDef methods[] = {
    {"forward", (PyCFunction)(void (*)(void))forward, METH_FASTCALL, NULL},
    {"backward", (PyCFunction)(void (*)(void))backward, METH_FASTCALL, NULL},
    {"images_forward", (PyCFunction)(void (*)(void))images_forward, METH_FASTCALL, NULL},
    {"images_backward", (PyCFunction)(void (*)(void))images_backward, METH_FASTCALL, NULL},
    {"dense", (PyCFunction)(void (*)(void))dense, METH_FASTCALL, NULL},
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
        PyTuple_SetItem(tuple, i, name);
    }
    int failed = PyModule_AddObjectRef(module, attribute, tuple);
    Py_DECREF(tuple);
    return failed;
}

static int set_up(PyObject *module)
{
    if (kernel_count == 0) {
        find_kernels();
        pthread_atfork(NULL, NULL, forget_crew);
    }
    if (PyModule_AddIntMacro(module, INTERFACE) || PyModule_AddIntMacro(module, CELLS_EVERY) ||
        add_names(module, "CELLS", CELLS, CELL_COUNT) ||
        add_names(module, "ACTIVATIONS", ACTIVATIONS, ACTIVATION_COUNT) || add_chain(module))
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
