#ifndef PAWL_CLI_QUANTITY_H
#define PAWL_CLI_QUANTITY_H

// Sizes as Kubernetes and Dapr write them: a decimal number and a suffix, "4Mi", "1.5k", "1e6".

#include <stdbool.h>
#include <stdint.h>

// False when |text| is no quantity, no whole number, or too large for |out|.
bool pawl__quantity_parse(const char *text, int64_t *out);

#endif
