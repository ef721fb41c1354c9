/* What stands between the recurrent layers of a chain, for one floating type and one width of vectors. */

/* activation(inputs @ weight.T + bias), for few rows: the matrix is read as it stands, (units, features). */
static void NAME(dense)(long rows, long features, long units, int activation, const void *inputs, const void *weight,
                        const void *bias, void *outputs)
{
    for (long row = 0; row < rows; row++) {
        REAL *out = (REAL *)outputs + row * units;
        NAME(multiply_unpacked)(weight, (const REAL *)inputs + row * features, out, units, features, 0);
        EACH_VECTOR(units, {
            vec sum = NAME(with_bias)(bias, NAME(load)(out + at, count), at, count);
            NAME(store)(out + at, NAME(activate)(activation, sum), count);
        });
    }
}

/* The mask of the rows in which a number is not `value`, and the rows with zeros where there is none. */
static void NAME(mask_rows)(long rows, long features, double value, const void *inputs, void *outputs,
                            unsigned char *mask)
{
    const REAL *from = inputs;
    REAL *to = outputs;
    for (long row = 0; row < rows; row++, from += features, to += features) {
        int counts = 0;
        for (long i = 0; i < features && !counts; i++)
            counts = from[i] != (REAL)value;
        mask[row] = (unsigned char)counts;
        if (counts)
            memcpy(to, from, features * sizeof(REAL));
        else
            memset(to, 0, features * sizeof(REAL));
    }
}

static const struct between NAME(between) = {NAME(dense), NAME(mask_rows)};
