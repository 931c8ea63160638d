// Fanning out: many activities at once, and then one that needs all their results.
//
//     ./fan_out [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

enum {
    PAGES = 6
};

static enum pawl_err count_words(struct pawl_activity *activity) {
    int page;
    PAWL_TRY(pawl_activity_unpack(activity, "i", &page));
    printf("count_words page %d\n", page);
    return pawl_activity_pack(activity, "i", 300 + page * page);
}

static enum pawl_err print_sum(struct pawl_activity *activity) {
    int words;
    PAWL_TRY(pawl_activity_unpack(activity, "i", &words));
    printf("print_sum %d\n", words);
    return PAWL_OK;
}

static enum pawl_err count_book(struct pawl_workflow *wf) {
    struct pawl_task *tasks[PAGES];
    for (int i = 0; i < PAGES; i++) // begin them all, and only then wait
        tasks[i] = pawl_call_activity(wf, "count_words", pawl_pack(wf, "i", i + 1), NULL);
    PAWL_TRY(pawl_await_all(tasks, PAGES));

    int sum = 0, words;
    for (int i = 0; i < PAGES; i++, sum += words)
        PAWL_TRY(pawl_unpack(wf, pawl_result(tasks[i]), "i", &words));
    PAWL_TRY(pawl_call(wf, "print_sum", pawl_pack(wf, "i", sum), NULL, NULL));
    return pawl_return(wf, pawl_pack(wf, "i", sum));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "fan_out.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "book-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "count_words", count_words, NULL);
    pawl_add_activity(pawl, "print_sum", print_sum, NULL);
    pawl_add_workflow(pawl, "count_book", count_book, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "count_book", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s words\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
