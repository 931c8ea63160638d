#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum pawl_err ship(struct pawl_activity *activity) {
    const char *what = activity->input.data ? activity->input.data : "nothing";
    if (strstr(what, "anvil"))
        return pawl_activity_fail(activity, "TooHeavy", "nobody can lift it");
    printf("ship %s\n", what);
    return PAWL_OK;
}

// Ships what was ordered once it has been paid for.
static enum pawl_err order(struct pawl_workflow *wf) {
    pawl_set_custom_status(wf, pawl_text("\"to be paid\""));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "paid", PAWL_FOREVER)));
    if (pawl_call(wf, "ship", pawl_input(wf), NULL, NULL))
        return pawl_fail(wf, "NotShipped", "give the money back");
    return pawl_return(wf, pawl_text("\"shipped\""));
}

int main(void) {
    struct pawl *pawl;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!getenv("DAPR_GRPC_PORT")) return puts("Run me: pawl run --app-id shop -- ./shop") < 0;
    if (pawl_open(NULL, NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "ship", ship, NULL);
    pawl_add_workflow(pawl, "order", order, NULL);
    pawl_work(pawl);
    puts("the shop is open");
    pause(); // until it is killed: workflows go on when it is back
    return 0;
}
