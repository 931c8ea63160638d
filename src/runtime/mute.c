#include "runtime/mute.h"

#include "base/clock.h"

#define MUTE_PATIENCE (5 * PAWL_SECOND)

void pawl__mute_note(struct pawl_mute *mute, const struct pawl_error *error, int64_t now) {
    bool away = error->code == PAWL_E_UNAVAILABLE;
    mute->at = away ? now : 0;
    if (away) mute->why = *error;
}

bool pawl__mute_is_for(const struct pawl_mute *mute, int64_t since) {
    return mute->at && mute->at - since > MUTE_PATIENCE;
}
