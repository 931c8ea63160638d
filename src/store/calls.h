#ifndef PAWL_STORE_CALLS_H
#define PAWL_STORE_CALLS_H

#include "store/store.h"

// Declares |function|, which serves |call| of struct pawl_store_ops: store.h says what it is given
// and what it promises. For stores that spread their calls over files.
#define PAWL_STORE_CALL(call, function) __typeof__(*((struct pawl_store_ops *)0)->call) function

#endif
