// pawl.h as a C++ program sees it. Where a function has the name of a struct (pawl_text), C++ wants
// the word struct too.

#include <pawl.h>
#include <pawl/jansson.h>

#include <cstdio>
#include <cstdlib>
#include <string>

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

int main() {
    const char *target = std::getenv("PAWL_TARGET");
    struct pawl *pawl;
    pawl_info *info;
    pawl_start_options options = {};
    options.id = "cpp-1";
    if (pawl_open(target ? target : "memory:", nullptr, &pawl) ||
        pawl_add_activity(pawl, "append", append, nullptr) ||
        pawl_add_workflow(pawl, "greet", greet, nullptr) || pawl_work(pawl) ||
        pawl_start(pawl, "greet", pawl_text("\"hello\""), &options, nullptr) ||
        pawl_wait(pawl, options.id, 20 * PAWL_SECOND, &info)) {
        pawl_perror("cpp_test");
        return 1;
    }
    bool right = info->status == PAWL_COMPLETED && info->output.data &&
                 std::string(info->output.data) == "{\"said\":\"hello!\"}";
    std::printf("%s %s\n", pawl_status_text(info->status), info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) || !right;
}
