#ifndef PAWL_CLI_PROC_H
#define PAWL_CLI_PROC_H

// Child processes, each the leader of a process group, that do not outlive us.
//
//   pawl run ──── pipe ────► guard
//      │                       │ the pipe breaks when we die, however we die;
//      ├── daprd (group)  ◄────┤ the guard then kills every group
//      └── app   (group)  ◄────┘
//
// PR_SET_PDEATHSIG reaches only the child itself: the node that npm started would live on. The
// guard kills whole groups. What leaves its group (setsid) does so to live on, and is let live.

#include <stdbool.h>
#include <stdio.h>
#include <uv.h>

#include "base/err.h"

// Starts the guard. To be called before the first child.
enum pawl_err pawl__guard_start(struct pawl_error *error);

// Ends the guard, and with it whatever is left of the groups.
void pawl__guard_stop(void);

struct pawl_proc {
    // What the owner sets.
    const char *const *argv; // ends with NULL; argv[0] is looked up in PATH unless |file| is set
    const char *file;        // the program's file; NULL: argv[0]
    const char *const *env;  // "NAME=value" that is added; ends with NULL
    const char *directory;   // NULL: ours
    int inherits;            // a descriptor that it has, too, under the same number; 0: none
    bool capture;            // lines of its output go to |on_line|; else it has our terminal
    void (*on_line)(struct pawl_proc *proc, const char *line, size_t len);
    void (*on_exit)(struct pawl_proc *proc); // after its group and its output have ended
    // The signal |number| has stopped it, as SIGTSTP or SIGTTIN do. May be NULL.
    void (*on_stop)(struct pawl_proc *proc, int number);
    void *data;

    // What it tells.
    pid_t pid; // 0: not running
    bool exited;
    int status; // as of waitpid

    /* private */
    struct pawl_proc *next;
    uv_timer_t timer; // for what it leaves behind
    uv_pipe_t pipes[2];
    struct {
        char text[8192];
        size_t len;
    } lines[2];
    int open_pipes;
    bool reaped, given_up;
    bool asked; // its group has been sent SIGTERM
};

// Whether there is a program as |proc| names it: to be asked before anything is started.
// PAWL_E_NOT_FOUND, with the remedy.
enum pawl_err pawl__proc_check(const struct pawl_proc *proc, struct pawl_error *error);

// Starts the child on |loop|. PAWL_E_NOT_FOUND: there is no such program.
enum pawl_err pawl__proc_start(struct pawl_proc *proc, uv_loop_t *loop, struct pawl_error *error);

// Sends |number| to the child's group; does nothing when it is gone. What is stopped goes on, or it
// would not get the signal.
void pawl__proc_signal(struct pawl_proc *proc, int number);

// Whether the signal |number| ended it.
bool pawl__proc_ended_by(const struct pawl_proc *proc, int number);

// "exited with code 3", "was ended by signal 9 (Killed)".
void pawl__proc_describe(const struct pawl_proc *proc, char out[80]);

// The exit code as a shell has it: 128 + signal when it was killed.
int pawl__proc_exit_code(const struct pawl_proc *proc);

#endif
