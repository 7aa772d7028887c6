#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "text.h"

/* Sequences of ECMA-48 and of xterm, which every terminal of today knows. */
#define SCREEN_OTHER "\033[?1049h\033[?25l"
#define SCREEN_OWN   "\033[?25h\033[?1049l"
#define TO_ROW       "\033[%zu;1H"
#define REVERSE      "\033[7m"
#define NORMAL       "\033[0m"
#define ERASE_LINE   "\033[K"
#define ERASE_BELOW  "\033[J"

static struct {
    struct termios before;
    int signals[2]; /* a pipe from the signal handler: a byte is a number */
} terminal;

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};

static void on_signal(int number)
{
    int kept = errno;
    unsigned char byte = (unsigned char)number;

    /* A full pipe already has something to tell. */
    if (write(terminal.signals[1], &byte, 1) < 0) {
        errno = kept;
    }
    errno = kept;
}

static void put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

/* Keys come at once and are not shown; Ctrl-C and Ctrl-Z stay signals. */
static void take_over(void)
{
    struct termios raw = terminal.before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    put(SCREEN_OTHER);
}

static void give_back(void)
{
    put(NORMAL SCREEN_OWN);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal.before);
}

int ctl_terminal_open(void)
{
    struct sigaction action;
    const char *type = getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)
        || (type && strcmp(type, "dumb") == 0)
        || tcgetattr(STDIN_FILENO, &terminal.before) != 0
        || pipe2(terminal.signals, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        sigaction(caught[i], &action, NULL);
    }
    take_over();
    return 0;
}

void ctl_terminal_close(void)
{
    give_back();
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        signal(caught[i], SIG_DFL);
    }
    close(terminal.signals[0]);
    close(terminal.signals[1]);
}

/* ---- drawing ---- */

static void size_of(size_t *rows, size_t *columns)
{
    struct winsize size;

    *rows = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0
        && size.ws_col > 0) {
        *rows = size.ws_row;
        *columns = size.ws_col;
    }
}

void ctl_terminal_draw(const char *text)
{
    size_t rows, columns;
    size_t shown = 0;
    char line[4096];

    size_of(&rows, &columns);
    for (; shown < rows && *text; shown++) {
        size_t length = strcspn(text, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        printf(TO_ROW ERASE_LINE "%s%.*s%s", shown + 1, shown ? "" : REVERSE,
               (int)ctl_text_fit(line, columns), line, shown ? "" : NORMAL);
        text += length + (text[length] == '\n');
    }
    if (shown < rows) {
        printf(TO_ROW ERASE_BELOW, shown + 1);
    }
    put("");
}

/* ---- waiting ---- */

/* The shell of the user gets the terminal while we are stopped. */
static int stop_for_a_while(void)
{
    give_back();
    kill(getpid(), SIGSTOP);
    tcgetattr(STDIN_FILENO, &terminal.before);
    take_over();
    return CTL_REDRAW;
}

static int take_signal(void)
{
    unsigned char number = 0;

    if (read(terminal.signals[0], &number, 1) != 1) {
        return CTL_TIME;
    }
    return number == SIGWINCH  ? CTL_REDRAW
           : number == SIGTSTP ? stop_for_a_while()
                               : CTL_END;
}

static int take_key(void)
{
    unsigned char key = 0;

    return read(STDIN_FILENO, &key, 1) == 1 ? key : CTL_END;
}

/* A signal makes poll() return early; its byte is there then, and the next
 * poll() sees it. */
int ctl_terminal_wait(long ms)
{
    struct pollfd fds[] = {{terminal.signals[0], POLLIN, 0},
                           {STDIN_FILENO, POLLIN, 0}};
    int ready = poll(fds, 2, (int)ms);

    if (ready < 0) {
        ready = errno == EINTR ? poll(fds, 2, 0) : -1;
    }
    if (ready < 0) {
        return CTL_END;
    }
    if (ready > 0 && fds[0].revents) {
        return take_signal();
    }
    return ready > 0 ? take_key() : CTL_TIME;
}
