#include "engine/stall.h"

#include <stdlib.h>

#include "engine/turn.h"

// While an instance is stalled, nothing but stalls goes into its history: so those of the present
// stall are the last events there.

enum {
    STALLED_TEXT = 2 // of ExecutionStalledEvent
};

bool pawl__stall_is_told(const struct pawl_instance *instance, const char *text) {
    if (!instance->stalled) return false;
    struct pawl_event_view view;
    size_t at = 0, reasons = 0;
    bool told = false;
    while (pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) {
        struct pawl_pb_field body = pawl__event_body(view.bytes), said = {0};
        if (body.number != EVENT(EXECUTION_STALLED)) {
            reasons = 0;
            told = false;
            continue;
        }
        reasons++;
        pawl__pb_find(body.bytes, STALLED_TEXT, &said);
        told = told || pawl__str_equal(said.bytes, pawl__str(text));
    }
    return told || reasons >= PAWL_STALL_REASONS;
}

static enum pawl_err stall(struct pawl_turn *turn, Pb__StalledReason reason, char *text) {
    struct pawl_instance *instance = turn->instance;
    turn->outcome->stalled = true;
    if (!text) return PAWL_E_NOMEM;
    if (pawl__stall_is_told(instance, text)) return PAWL_OK;
    Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EXECUTION_STALLED), -1);
    char *copy = pawl__str_dup(pawl__str(text));
    if (!event || !copy) goto fail;
    event->executionstalled->reason = reason;
    event->executionstalled->_description_case =
        PB__EXECUTION_STALLED_EVENT___DESCRIPTION_DESCRIPTION;
    event->executionstalled->description = text;
    if (pawl__turn_add(turn, event)) goto fail;
    free(instance->stall_text);
    instance->stalled = true;
    instance->stall_text = copy;
    instance->stall_reason = (int32_t)reason;
    instance->updated_at = turn->record->completed_at;
    turn->outcome->told = true;
    return PAWL_OK;
fail:
    free(copy);
    return PAWL_E_NOMEM;
}

// Whether the patches that the history knows are the beginning of those that the answer took; if
// not, says so in |*text| (NULL: memory is out).
static bool stall_patches_match(struct pawl_turn *turn, char **text) {
    const struct pawl_buf *known = &turn->instance->patches;
    size_t given_count = turn->response->_version_case ? turn->response->version->n_patches : 0;
    char **given = given_count ? turn->response->version->patches : NULL;
    size_t i = 0;
    bool match = true;
    for (size_t at = 0; at < known->len; i++) {
        const char *name = (const char *)known->data + at;
        match = match && i < given_count && strcmp(name, given[i]) == 0;
        at += strlen(name) + 1;
    }
    if (match) return true;

    struct pawl_buf line = {0};
    pawl__buf_format(&line, "Patch mismatch. History patches: [");
    for (size_t at = 0; at < known->len; at += strlen((char *)known->data + at) + 1)
        pawl__buf_format(&line, "%s%s", at ? ", " : "", (char *)known->data + at);
    pawl__buf_format(&line, "], current patches: [");
    for (i = 0; i < given_count; i++) pawl__buf_format(&line, "%s%s", i ? ", " : "", given[i]);
    pawl__buf_format(&line, "]. "); // the reference's text ends with a blank
    *text = line.failed ? NULL : pawl__arena_dup(turn->arena, pawl__buf_str(&line));
    pawl__buf_finish(&line);
    return false;
}

enum pawl_err pawl__turn_check_version(struct pawl_turn *turn) {
    char *text = NULL;
    if (turn->record->own) return PAWL_OK; // no code has run
    for (size_t i = 0; i < turn->response->n_actions; i++) {
        if (turn->response->actions[i]->workflow_action_type_case !=
            ACTION(WORKFLOW_VERSION_NOT_AVAILABLE))
            continue;
        const char *version =
            turn->instance->version ? turn->instance->version : turn->instance->name;
        text = pawl__arena_format(turn->arena, "Version not available: %s", version);
        return stall(turn, PB__STALLED_REASON__VERSION_NOT_AVAILABLE, text);
    }
    if (stall_patches_match(turn, &text)) return PAWL_OK;
    return stall(turn, PB__STALLED_REASON__PATCH_MISMATCH, text);
}
