// A program with an event loop of its own, poll(2): Pawl is one more descriptor in it, beside those
// of the program.
//
//     ./reminders
//
// Each line of input is a workflow, which says the line again after half a second. When the program
// is killed meanwhile, the line is said when it is started again.

#include <pawl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Activities run on threads of their own, and tell the loop of what they did over a pipe.
static enum pawl_err tell(struct pawl_activity *activity) {
    const int *pipe_end = activity->arg;
    struct pawl_text line = activity->input;
    char *text = malloc(line.len + 1);
    if (!text) return PAWL_E_NOMEM;
    memcpy(text, line.data, line.len);
    text[line.len] = '\n';
    ssize_t written = write(*pipe_end, text, line.len + 1); // short: all or nothing
    free(text);
    return written < 0 ? PAWL_E_IO : PAWL_OK;
}

static enum pawl_err remind(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_sleep(wf, PAWL_SECOND / 2));
    return pawl_call(wf, "tell", pawl_input(wf), NULL, NULL);
}

// A line as JSON; false at the end of the input.
static bool read_line(char *json, size_t size) {
    size_t len = 0;
    json[len++] = '"';
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n') {
            json[len++] = '"';
            json[len] = 0;
            return true;
        }
        bool is_plain = (unsigned char)byte >= ' ' && byte != '"' && byte != '\\';
        if (is_plain && len < size - 2) json[len++] = byte;
    }
    return false;
}

int main(void) {
    int ends[2];
    if (pipe(ends)) return perror("pipe"), 1;

    struct pawl_options options = {.is_driven = true};
    struct pawl *pawl;
    if (pawl_open("reminders.db", &options, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "tell", tell, &ends[1]);
    pawl_add_workflow(pawl, "remind", remind, NULL);
    pawl_work(pawl);

    enum {
        PAWL,
        TOLD,
        INPUT,
        COUNT
    };
    struct pollfd fds[COUNT] = {
        [PAWL] = {.fd = pawl_fd(pawl), .events = POLLIN},
        [TOLD] = {.fd = ends[0], .events = POLLIN},
        [INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
    };
    int waiting = 0;
    while (fds[INPUT].fd >= 0 || waiting > 0) {
        if (poll(fds, COUNT, pawl_timeout(pawl)) < 0) return perror("poll"), 1;
        if (pawl_poll(pawl)) return pawl_perror("pawl_poll"), 1;

        if (fds[TOLD].revents) {
            char text[256];
            ssize_t len = read(ends[0], text, sizeof text);
            for (ssize_t i = 0; i < len; i++) waiting -= text[i] == '\n';
            fwrite(text, 1, len > 0 ? (size_t)len : 0, stdout);
            fflush(stdout);
        }
        if (fds[INPUT].revents) {
            char json[200];
            if (!read_line(json, sizeof json))
                fds[INPUT].fd = -1; // poll passes over it
            else if (pawl_start(pawl, "remind", pawl_text(json), NULL, NULL))
                return pawl_perror("pawl_start"), 1;
            else
                waiting++;
        }
    }
    return pawl_close(pawl) != PAWL_OK;
}
