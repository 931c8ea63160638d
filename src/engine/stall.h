#ifndef PAWL_ENGINE_STALL_H
#define PAWL_ENGINE_STALL_H

#include "engine/instance.h"

enum {
    PAWL_STALL_REASONS = 16 // of one stall that the history keeps
};

// Whether the history tells of a stall with |text| that has not been overcome, or of so many that
// it takes no more.
bool pawl__stall_is_told(const struct pawl_instance *instance, const char *text);

#endif
