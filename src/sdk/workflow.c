#include <stdarg.h>
#include <stdio.h>

#include "sdk/caller.h"
#include "sdk/error.h"
#include "sdk/execution.h"
#include "wire/unpack.h"

// What a workflow's function asks of itself: who it is, what it remembers, how it ends.

// Fails unless it is called from within |wf|'s function.
static enum pawl_err workflow_check(const struct pawl_workflow *wf, const char *what) {
    if (wf && wf == pawl__execution_current()) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_PRECONDITION,
                          "%s was called from outside the function of workflow '%s' (instance "
                          "'%s')",
                          what, wf && wf->name ? wf->name : "", wf ? wf->id : "");
}

static enum pawl_err workflow_nomem(struct pawl_workflow *wf) {
    wf->nomem = true;
    return pawl__sdk_fail_nomem();
}

// --- who called it ------------------------------------------------------------------------------

enum pawl_err pawl_caller(struct pawl_workflow *wf, const struct pawl_caller **out) {
    *out = NULL;
    if (!pawl__execution_is_inside(wf, "pawl_caller")) return PAWL_E_PRECONDITION;
    *out = wf->caller;
    if (wf->has_caller || !wf->propagated.len) return PAWL_OK;
    const char *why = NULL;
    if (!pawl__wire_check(&pb__propagated_history__descriptor, wf->propagated, &why))
        return pawl__sdk_fail(
            PAWL_E_INVALID,
            "what workflow '%s' (instance '%s') was given of its caller's history "
            "cannot be read: %s",
            wf->name, wf->id, why);
    const Pb__PropagatedHistory *history =
        pawl__wire_decode(&wf->arena, &pb__propagated_history__descriptor, wf->propagated);
    if (!history) return pawl__execution_nomem(wf);
    enum pawl_err err = pawl__caller_read(&wf->arena, history, "workflow", wf->name, out);
    if (err == PAWL_E_NOMEM) return pawl__execution_nomem(wf);
    wf->caller = *out;
    wf->has_caller = !err;
    return err;
}

// --- who it is ----------------------------------------------------------------------------------

const char *pawl_id(const struct pawl_workflow *wf) {
    return wf->id;
}

const char *pawl_name(const struct pawl_workflow *wf) {
    return wf->name;
}

struct pawl_text pawl_input(const struct pawl_workflow *wf) {
    return wf->input;
}

void *pawl_arg(const struct pawl_workflow *wf) {
    return wf->entry->arg;
}

bool pawl_is_replaying(const struct pawl_workflow *wf) {
    return wf->replaying;
}

int64_t pawl_now(const struct pawl_workflow *wf) {
    return wf->now;
}

uint64_t pawl_random(struct pawl_workflow *wf) {
    return pawl__execution_random(&wf->random);
}

void pawl_uuid(struct pawl_workflow *wf, char out[PAWL_UUID_TEXT]) {
    pawl__execution_uuid(&wf->random, out);
}

void pawl_log(struct pawl_workflow *wf, enum pawl_log_level level, const char *format, ...) {
    if (wf->replaying) return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pawl__log(wf->host->log, level, "pawl.workflow", "%s: %s", wf->id, line);
}

// --- what it remembers --------------------------------------------------------------------------

void *pawl_alloc(struct pawl_workflow *wf, size_t len) {
    if (workflow_check(wf, "pawl_alloc")) return NULL;
    void *piece = pawl__arena_zalloc(&wf->arena, len);
    if (!piece) workflow_nomem(wf);
    return piece;
}

char *pawl_format(struct pawl_workflow *wf, const char *format, ...) {
    if (workflow_check(wf, "pawl_format")) return NULL;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : pawl__arena_alloc(&wf->arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    else
        workflow_nomem(wf);
    va_end(again);
    return text;
}

struct pawl_text pawl_quote(struct pawl_workflow *wf, const char *text) {
    static const struct pawl_text failed = {NULL, 1};
    if (!text) pawl__sdk_fail(PAWL_E_INVALID, "pawl_quote was given no text");
    if (!text || workflow_check(wf, "pawl_quote") ||
        pawl__sdk_check_payload(pawl_text(text), "argument", "pawl_quote"))
        return failed;
    size_t len = 2;
    for (const char *at = text; *at; at++)
        len += (unsigned char)*at < 0x20 ? 6 : *at == '"' || *at == '\\' ? 2 : 1;
    char *quoted = pawl__arena_alloc(&wf->arena, len + 1), *to = quoted;
    if (!quoted) {
        workflow_nomem(wf);
        return failed;
    }
    *to++ = '"';
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20) {
            to += snprintf(to, 7, "\\u%04x", (unsigned char)*at);
        } else {
            if (*at == '"' || *at == '\\') *to++ = '\\';
            *to++ = *at;
        }
    }
    *to++ = '"';
    *to = 0;
    return (struct pawl_text){quoted, len};
}

enum pawl_err pawl_shape_error(struct pawl_workflow *wf, struct pawl_text text, const char *why) {
    struct pawl_str shown = pawl__str_shorten((struct pawl_str){text.data, text.len}, 200);
    return pawl__sdk_fail(PAWL_E_INVALID,
                          "workflow '%s' (instance '%s', before sequence number %d) was given a "
                          "payload of the wrong shape: %s; it is: %.*s",
                          wf->name, wf->id, wf->next_id, why, PAWL_FMT(shown));
}

enum pawl_err pawl_defer(struct pawl_workflow *wf, void (*function)(void *arg), void *arg) {
    enum pawl_err err = workflow_check(wf, "pawl_defer");
    struct pawl_deferred *deferred = err ? NULL : pawl__arena_alloc(&wf->arena, sizeof *deferred);
    if (!deferred) {
        if (!err) err = workflow_nomem(wf);
        function(arg);
        return err;
    }
    *deferred = (struct pawl_deferred){wf->deferred, function, arg};
    wf->deferred = deferred;
    return PAWL_OK;
}

// --- how it ends --------------------------------------------------------------------------------

// A copy of a payload in the workflow's memory.
static enum pawl_err workflow_copy(struct pawl_workflow *wf, struct pawl_text text,
                                   const char *what, const char *of, struct pawl_text *out) {
    PAWL_TRY(workflow_check(wf, of));
    PAWL_TRY(pawl__sdk_check_payload(text, what, of));
    *out = (struct pawl_text){NULL, 0};
    if (!text.data) return PAWL_OK;
    char *copy = pawl__arena_dup(&wf->arena, (struct pawl_str){text.data, text.len});
    if (!copy) return workflow_nomem(wf);
    *out = (struct pawl_text){copy, text.len};
    return PAWL_OK;
}

enum pawl_err pawl_return(struct pawl_workflow *wf, struct pawl_text output) {
    return workflow_copy(wf, output, "output", "pawl_return", &wf->output);
}

enum pawl_err pawl_set_custom_status(struct pawl_workflow *wf, struct pawl_text status) {
    return workflow_copy(wf, status, "status", "pawl_set_custom_status", &wf->custom_status);
}

enum pawl_err pawl_continue_as_new(struct pawl_workflow *wf, struct pawl_text input,
                                   bool keep_events) {
    PAWL_TRY(workflow_copy(wf, input, "input", "pawl_continue_as_new", &wf->next_input));
    wf->continuing = true;
    wf->keep_events = keep_events;
    return PAWL_OK;
}

enum pawl_err pawl_fail(struct pawl_workflow *wf, const char *type, const char *format, ...) {
    PAWL_TRY(workflow_check(wf, "pawl_fail"));
    char text[1024];
    va_list args;
    va_start(args, format);
    pawl__str_vformat(text, sizeof text, format, args);
    va_end(args);
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(text), "message", "pawl_fail"));
    PAWL_TRY(pawl__sdk_check_name(type, "failure's type"));
    struct pawl_failure *failure = pawl__arena_zalloc(&wf->arena, sizeof *failure);
    if (failure) {
        failure->type = pawl__arena_dup(&wf->arena, pawl__str(type));
        failure->message = pawl__arena_dup(&wf->arena, pawl__str(text));
    }
    if (!failure || !failure->type || !failure->message) return workflow_nomem(wf);
    failure->cause = wf->last ? wf->last->failure : NULL;
    wf->failed = failure;
    return pawl__sdk_fail(PAWL_E_FAILED, "workflow '%s' (instance '%s'): %s", wf->name, wf->id,
                          text);
}

// --- changes of its code ------------------------------------------------------------------------

bool pawl_is_patched(struct pawl_workflow *wf, const char *name) {
    if (wf != pawl__execution_current()) {
        pawl__sdk_fail(PAWL_E_PRECONDITION,
                       "pawl_is_patched was called from outside the workflow's function");
        return false;
    }
    if (pawl__sdk_check_name(name, "patch's name")) return false;
    struct pawl_patches *patches = &wf->patches;
    struct pawl_patch *patch = pawl__patches_find(patches, name);
    if (!patch) {
        if (!pawl__patches_note(patches, &wf->arena, name, !wf->replaying)) {
            wf->nomem = true;
            return false;
        }
        patch = patches->known;
    }
    if (patch->applies && !pawl__patches_take(patches, patch)) wf->nomem = true;
    return patch->applies;
}
