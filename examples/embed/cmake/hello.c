// Greets the world twice, ten milliseconds apart, and would go on after a crash in between.

#include <pawl.h>
#include <stdio.h>

static enum pawl_err greet(struct pawl_activity *activity) {
    printf("hello %s\n", activity->input.data);
    return PAWL_OK;
}

static enum pawl_err hello(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "greet", pawl_text("\"world\""), NULL, NULL));
    PAWL_TRY(pawl_sleep(wf, 10 * PAWL_MILLISECOND));
    return pawl_call(wf, "greet", pawl_text("\"again\""), NULL, NULL);
}

int main(void) {
    struct pawl *pawl;
    if (pawl_open("hello.db", NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "greet", greet, NULL);
    pawl_add_workflow(pawl, "hello", hello, NULL);
    pawl_work(pawl);
    char id[37];
    if (pawl_start(pawl, "hello", pawl_text(NULL), NULL, id)) return pawl_perror("pawl_start"), 1;
    if (pawl_wait(pawl, id, PAWL_FOREVER, NULL)) return pawl_perror("pawl_wait"), 1;
    return pawl_close(pawl) != PAWL_OK;
}
