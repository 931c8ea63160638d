// pawl.h as a C++ program sees it. Where a function has the name of a struct (pawl_text), C++ wants
// the word struct too.

#include <pawl.h>
#include <pawl/jansson.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

static pawl_err append(pawl_activity *activity) {
    std::string text(activity->input.data, activity->input.len);
    text.insert(text.size() - 1, "!");
    return pawl_activity_return(activity, pawl_text(text.c_str()));
}

static pawl_err greet(pawl_workflow *wf) {
    pawl_retry retry = {};
    retry.max_attempts = 2;
    retry.first_interval = PAWL_MILLISECOND;
    pawl_call_options options = {};
    options.retry = &retry;
    struct pawl_text result;
    PAWL_TRY(pawl_call(wf, "append", pawl_input(wf), &options, &result));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    const char *word;
    PAWL_TRY(pawl_unpack(wf, result, "s", &word));
    return pawl_return(wf, pawl_pack(wf, "{s:s}", "said", word));
}

// Workflows that wait while they handle an exception: each goes on with its own.
struct fault {
    explicit fault(std::string of) : id(std::move(of)) {
    }
    ~fault() {
        id = "gone";
    }
    fault(const fault &) = default;
    std::string id;
};

static pawl_err rescue(pawl_workflow *wf) {
    bool right = false;
    try {
        throw fault(pawl_id(wf));
    } catch (const fault &caught) {
        PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER)));
        try {
            throw;
        } catch (const fault &again) {
            right = caught.id == pawl_id(wf) && again.id == caught.id;
        }
    }
    return right && !std::uncaught_exceptions() ? PAWL_OK : pawl_fail(wf, "Mixed", "another's");
}

static bool rescued(struct pawl *pawl) {
    static const char *const ids[] = {"a", "b", "c"}, *const order[] = {"b", "a", "c"};
    pawl_info *info;
    bool right = true;
    for (const char *id : ids) {
        pawl_start_options options = {};
        options.id = id;
        if (pawl_start(pawl, "rescue", pawl_text(nullptr), &options, nullptr)) return false;
    }
    for (const char *id : order) {
        if (pawl_raise(pawl, id, "go", pawl_text(nullptr)) ||
            pawl_wait(pawl, id, 20 * PAWL_SECOND, &info))
            return false;
        right = right && info->status == PAWL_COMPLETED;
        pawl_info_free(info);
    }
    return right;
}

int main() {
    const char *target = std::getenv("PAWL_TARGET");
    struct pawl *pawl;
    pawl_info *info;
    pawl_start_options options = {};
    options.id = "cpp-1";
    if (pawl_open(target ? target : "memory:", nullptr, &pawl) ||
        pawl_add_activity(pawl, "append", append, nullptr) ||
        pawl_add_workflow(pawl, "greet", greet, nullptr) ||
        pawl_add_workflow(pawl, "rescue", rescue, nullptr) || pawl_work(pawl) ||
        pawl_start(pawl, "greet", pawl_text("\"hello\""), &options, nullptr) ||
        pawl_wait(pawl, options.id, 20 * PAWL_SECOND, &info)) {
        pawl_perror("cpp_test");
        return 1;
    }
    bool right = info->status == PAWL_COMPLETED && info->output.data &&
                 std::string(info->output.data) == "{\"said\":\"hello!\"}";
    std::printf("%s %s\n", pawl_status_text(info->status), info->output.data);
    pawl_info_free(info);
    if (!rescued(pawl)) std::printf("exceptions of workflows are mixed up\n"), right = false;
    return pawl_close(pawl) || !right;
}
