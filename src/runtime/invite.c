#include "runtime/invite.h"

// It is carried out by whoever receives it, not on an instance.
static const struct pawl_verb invite_verb = {.kind = PAWL_VERB_INVITE};

void pawl__invite_init(struct pawl_invite *verb, const char *from, const char *address) {
    pawl__call_init(&verb->call, &invite_verb, PAWL_STR(""));
    verb->from = from;
    verb->address = address;
}
