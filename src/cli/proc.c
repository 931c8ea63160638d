#include "cli/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

// --- the guard ----------------------------------------------------------------------------------

enum {
    GUARD_GROUPS = 512,
    PROC_KILL_AFTER = 5000, // milliseconds that what a child left behind may take to end
};

// There is one guard to a process, as there is one life to guard.
static int guard_pipe = -1;
static pid_t guard_pid;

static void guard_main(int pipe) {
    pid_t groups[GUARD_GROUPS], change;
    size_t count = 0;
    // A signal to our group, Ctrl-C above all, is not for the guard.
    for (int i = 1; i < NSIG; i++) signal(i, SIG_IGN);
    setpgid(0, 0);
    while (read(pipe, &change, sizeof change) == sizeof change) {
        if (change > 0 && count < GUARD_GROUPS) groups[count++] = change;
        for (size_t i = 0; change < 0 && i < count; i++)
            if (groups[i] == -change) groups[i--] = groups[--count];
    }
    for (size_t i = 0; i < count; i++) kill(-groups[i], SIGKILL);
    _exit(0);
}

enum pawl_err pawl__guard_start(struct pawl_error *error) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return pawl__fail(error, PAWL_E_IO, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return pawl__fail(error, PAWL_E_IO, "cannot start a process: %s", strerror(errno));
    }
    if (pid == 0) {
        close(ends[1]);
        // Its own copies of what was open would keep others' pipes from ending.
        for (int fd = 0; fd < 1024; fd++)
            if (fd != ends[0]) close(fd);
        prctl(PR_SET_NAME, "pawl-guard");
        guard_main(ends[0]);
    }
    close(ends[0]);
    guard_pipe = ends[1];
    guard_pid = pid;
    return PAWL_OK;
}

void pawl__guard_stop(void) {
    close(guard_pipe);
    waitpid(guard_pid, NULL, 0);
}

static void guard_tell(pid_t change) {
    ssize_t ignored = write(guard_pipe, &change, sizeof change);
    (void)ignored; // without its guard a child lives on when we are killed, and only then
}

// --- children -----------------------------------------------------------------------------------

// Signals and waitpid belong to the process, so this belongs to it, too.
static struct pawl_proc *proc_all; // those that run
static uv_signal_t proc_sigchld;

static void proc_on_timer_closed(uv_handle_t *handle) {
    struct pawl_proc *proc = handle->data;
    for (struct pawl_proc **at = &proc_all; *at; at = &(*at)->next)
        if (*at == proc) {
            *at = proc->next;
            break;
        }
    if (!proc_all) uv_close((uv_handle_t *)&proc_sigchld, NULL);
    guard_tell(-proc->pid);
    proc->exited = true;
    proc->pid = 0;
    proc->on_exit(proc);
}

static void proc_check_done(struct pawl_proc *proc) {
    bool group_lives = kill(-proc->pid, 0) == 0;
    if (!proc->reaped || proc->open_pipes || (group_lives && !proc->given_up)) return;
    if (!uv_is_closing((uv_handle_t *)&proc->timer))
        uv_close((uv_handle_t *)&proc->timer, proc_on_timer_closed);
}

static void proc_on_close(uv_handle_t *handle) {
    struct pawl_proc *proc = handle->data;
    proc->open_pipes--;
    proc_check_done(proc);
}

// What a child left behind has had its time. A process that left the group to go on by itself may
// hold the output open; it is let go.
static void proc_on_timer(uv_timer_t *timer) {
    struct pawl_proc *proc = timer->data;
    kill(-proc->pid, SIGKILL);
    proc->given_up = true;
    for (int i = 0; proc->capture && i < 2; i++)
        if (!uv_is_closing((uv_handle_t *)&proc->pipes[i]))
            uv_close((uv_handle_t *)&proc->pipes[i], proc_on_close);
    proc_check_done(proc);
}

static void proc_on_sigchld(uv_signal_t *handle, int number) {
    int status;
    // Also those whose parents died: they come to us, as we are their subreaper.
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;)
        for (struct pawl_proc *proc = proc_all; proc; proc = proc->next) {
            if (proc->pid != pid) continue;
            if (WIFSTOPPED(status)) {
                if (proc->on_stop) proc->on_stop(proc, WSTOPSIG(status));
                continue;
            }
            proc->reaped = true;
            proc->status = status;
            // What it started and left behind goes with it. To be asked twice is too much for some.
            if (!proc->asked) kill(-pid, SIGTERM);
            kill(-pid, SIGCONT);
            uv_timer_start(&proc->timer, proc_on_timer, PROC_KILL_AFTER, 0);
        }
    for (struct pawl_proc *proc = proc_all, *next; proc; proc = next) {
        next = proc->next;
        proc_check_done(proc);
    }
}

static void proc_flush_line(struct pawl_proc *proc, int i) {
    if (!proc->lines[i].len) return;
    proc->on_line(proc, proc->lines[i].text, proc->lines[i].len);
    proc->lines[i].len = 0;
}

static void proc_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf) {
    static char room[65536]; // used up before the next read
    *buf = uv_buf_init(room, sizeof room);
}

static void proc_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    struct pawl_proc *proc = stream->data;
    int i = stream == (uv_stream_t *)&proc->pipes[1];
    if (got < 0) {
        proc_flush_line(proc, i);
        uv_close((uv_handle_t *)stream, proc_on_close);
        return;
    }
    for (ssize_t at = 0; at < got; at++) {
        char c = buf->base[at];
        if (c == '\n') {
            proc->on_line(proc, proc->lines[i].text, proc->lines[i].len);
            proc->lines[i].len = 0;
            continue;
        }
        if (proc->lines[i].len == sizeof proc->lines[i].text) proc_flush_line(proc, i);
        proc->lines[i].text[proc->lines[i].len++] = c;
    }
}

static void proc_exec(struct pawl_proc *proc, int ends[2][2], int failed, pid_t parent) {
    setpgid(0, 0);
    // By the child itself, so that there is no moment in which it runs and the guard does not know.
    guard_tell(getpid());
    // The guard does the same for the whole group, but may be killed; and this is lost when the
    // program is set-user-ID. The signal comes when the thread that forked ends: our main one.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127); // it died before that
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (proc->capture) {
        dup2(ends[0][1], STDOUT_FILENO);
        dup2(ends[1][1], STDERR_FILENO);
        int null = open("/dev/null", O_RDONLY);
        if (null >= 0) dup2(null, STDIN_FILENO);
    }
    if (proc->inherits) fcntl(proc->inherits, F_SETFD, 0);
    for (size_t i = 0; proc->env && proc->env[i]; i++) putenv((char *)proc->env[i]);
    if (!proc->directory || chdir(proc->directory) == 0)
        execvp(proc->file ? proc->file : proc->argv[0], (char *const *)proc->argv);
    int why = errno;
    ssize_t ignored = write(failed, &why, sizeof why);
    (void)ignored;
    _exit(127);
}

static void proc_open_pipes(struct pawl_proc *proc, uv_loop_t *loop, int ends[2][2]) {
    for (int i = 0; i < 2; i++) {
        close(ends[i][1]);
        uv_pipe_init(loop, &proc->pipes[i], 0);
        proc->pipes[i].data = proc;
        uv_pipe_open(&proc->pipes[i], ends[i][0]);
        proc->open_pipes++;
        uv_read_start((uv_stream_t *)&proc->pipes[i], proc_alloc, proc_on_read);
    }
}

static void proc_close_ends(int ends[2][2]) {
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (ends[i][k] >= 0) close(ends[i][k]);
}

// A pipe whose writing end has a high number. exec closes from the lowest on, so what else the
// child had copies of, such as sockets that hold the ports of other apps, is closed before the pipe
// is.
static bool proc_pipe_above(int ends[2]) {
    enum {
        ABOVE = 500
    };
    if (pipe2(ends, O_CLOEXEC)) return false;
    int high = fcntl(ends[1], F_DUPFD_CLOEXEC, ABOVE);
    if (high < 0) return true; // few are allowed, and few are open
    close(ends[1]);
    ends[1] = high;
    return true;
}

enum pawl_err pawl__proc_start(struct pawl_proc *proc, uv_loop_t *loop, struct pawl_error *error) {
    int ends[2][2] = {{-1, -1}, {-1, -1}}, failed[2];
    bool ok = proc_pipe_above(failed);
    for (int i = 0; ok && proc->capture && i < 2; i++) ok = pipe2(ends[i], O_CLOEXEC) == 0;
    if (!ok) return pawl__fail(error, PAWL_E_IO, "cannot make a pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t self = getpid();
    proc->pid = fork();
    if (proc->pid == 0) proc_exec(proc, ends, failed[1], self);
    close(failed[1]);
    if (proc->pid < 0) {
        proc->pid = 0;
        close(failed[0]);
        proc_close_ends(ends);
        return pawl__fail(error, PAWL_E_IO, "cannot start a process: %s", strerror(errno));
    }
    setpgid(proc->pid, proc->pid); // in both, so that neither has to wait for the other
    int why;
    bool broken = read(failed[0], &why, sizeof why) == sizeof why;
    close(failed[0]);
    if (broken) {
        waitpid(proc->pid, NULL, 0);
        guard_tell(-proc->pid);
        proc_close_ends(ends);
        proc->pid = 0;
        return pawl__fail(error, why == ENOENT ? PAWL_E_NOT_FOUND : PAWL_E_IO,
                          "cannot start '%s'%s%s: %s", proc->argv[0], proc->directory ? " in " : "",
                          proc->directory ? proc->directory : "", strerror(why));
    }
    if (!proc_all) {
        // Orphans of our children become our children: we see when the last of a group is gone.
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        uv_signal_init(loop, &proc_sigchld);
        uv_signal_start(&proc_sigchld, proc_on_sigchld, SIGCHLD);
        uv_unref((uv_handle_t *)&proc_sigchld);
    }
    uv_timer_init(loop, &proc->timer);
    proc->timer.data = proc;
    proc->next = proc_all;
    proc_all = proc;
    if (proc->capture) proc_open_pipes(proc, loop, ends);
    proc_on_sigchld(&proc_sigchld, SIGCHLD); // it may have ended before we listened
    return PAWL_OK;
}

static bool proc_is_program(const char *path) {
    struct stat info;
    return access(path, X_OK) == 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum pawl_err pawl__proc_check(const struct pawl_proc *proc, struct pawl_error *error) {
    const char *name = proc->file ? proc->file : proc->argv[0];
    const char *directory = proc->directory ? proc->directory : ".";
    const char *search = getenv("PATH");
    char path[PATH_MAX];
    for (size_t i = 0; proc->env && proc->env[i]; i++)
        if (strncmp(proc->env[i], "PATH=", 5) == 0) search = proc->env[i] + 5;
    if (strchr(name, '/')) {
        snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : directory,
                 *name == '/' ? "" : "/", name);
        if (proc_is_program(path)) return PAWL_OK;
        return pawl__fail(error, PAWL_E_NOT_FOUND,
                          "the command '%s' is %s; correct the path (it starts from %s)%s", name,
                          access(path, F_OK) == 0 ? "not a program" : "not there", directory,
                          access(path, F_OK) == 0 ? ", or make the file executable" : "");
    }
    struct pawl_str rest = pawl__str(search ? search : "/usr/local/bin:/usr/bin:/bin");
    while (rest.data) {
        struct pawl_str folder = pawl__str_cut(&rest, ':');
        const char *base = folder.len && folder.data[0] == '/' ? "" : directory;
        snprintf(path, sizeof path, "%s%s%.*s/%s", base, *base ? "/" : "", PAWL_FMT(folder), name);
        if (proc_is_program(path)) return PAWL_OK;
    }
    return pawl__fail(error, PAWL_E_NOT_FOUND,
                      "the command '%s' is in no folder of PATH; install it, or give its path",
                      name);
}

void pawl__proc_signal(struct pawl_proc *proc, int number) {
    if (!proc->pid || proc->exited) return;
    proc->asked = proc->asked || number == SIGTERM;
    kill(-proc->pid, number);
    if (number != SIGCONT) kill(-proc->pid, SIGCONT);
}

bool pawl__proc_ended_by(const struct pawl_proc *proc, int number) {
    return WIFSIGNALED(proc->status) && WTERMSIG(proc->status) == number;
}

void pawl__proc_describe(const struct pawl_proc *proc, char out[80]) {
    if (WIFSIGNALED(proc->status))
        snprintf(out, 80, "was ended by signal %d (%s)", WTERMSIG(proc->status),
                 strsignal(WTERMSIG(proc->status)));
    else
        snprintf(out, 80, "exited with code %d", WEXITSTATUS(proc->status));
}

int pawl__proc_exit_code(const struct pawl_proc *proc) {
    return WIFSIGNALED(proc->status) ? 128 + WTERMSIG(proc->status) : WEXITSTATUS(proc->status);
}
