/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/log_sink.h"

static int real_stderr;

static void stderr_to(int fd)
{
        dup2(fd, STDERR_FILENO);
        log_init("vipd", LOG_INFO);
}

static int temp_file(void)
{
        char path[] = "/tmp/test_log.XXXXXX";
        int fd = mkostemp(path, O_CLOEXEC | O_APPEND);

        assert_true(fd >= 0);
        unlink(path);
        return fd;
}

/* Everything in the file so far; static. */
static const char *text_of(int fd)
{
        static char text[64 * 1024];
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        return text;
}

static int restore(void **state)
{
        log_stop_writer();
        dup2(real_stderr, STDERR_FILENO);
        unsetenv("JOURNAL_STREAM");
        return 0;
}

/* "2026-03-01T14:02:07.114235Z " is 28 characters. */
static void a_line_of_text_has_time_program_and_level(void **state)
{
        int fd = temp_file();

        stderr_to(fd);
        log_error("cannot %s", "go");
        log_notice("group web is active");
        assert_int_equal(text_of(fd)[10], 'T');
        assert_int_equal(text_of(fd)[26], 'Z');
        assert_string_equal(strchr(text_of(fd), 'Z') + 1,
                            strstr(text_of(fd), " vipd: error: cannot go\n"));
        assert_non_null(strstr(text_of(fd), "Z vipd: group web is active\n"));
        close(fd);
}

static void lines_above_the_level_are_not_written(void **state)
{
        int fd = temp_file();

        stderr_to(fd);
        log_debug("unseen");
        assert_string_equal(text_of(fd), "");
        log_set_level(LOG_DEBUG);
        log_debug("seen");
        assert_non_null(strstr(text_of(fd), "vipd: debug: seen\n"));
        close(fd);
}

static void levels_have_names(void **state)
{
        assert_int_equal(log_level_from_name("error"), LOG_ERR);
        assert_int_equal(log_level_from_name("debug"), LOG_DEBUG);
        assert_int_equal(log_level_from_name("loud"), -EINVAL);
}

static void bytes_of_a_peer_cannot_forge_a_line(void **state)
{
        int fd = temp_file();

        stderr_to(fd);
        log_notice("peer says %s\n", "a\nb\033[2Jc\177\xc3\xa4");
        assert_non_null(strstr(text_of(fd), "peer says a b?[2Jc?\xc3\xa4\n"));
        assert_null(strchr(strchr(text_of(fd), '\n') + 1, '\n'));
        close(fd);
}

static void a_line_that_is_too_long_is_cut_with_dots(void **state)
{
        char longer[3000];
        int fd = temp_file();

        memset(longer, 'x', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        stderr_to(fd);
        log_notice("%s", longer);
        assert_non_null(strstr(text_of(fd), "xxx...\n"));
        close(fd);
}

static void errno_is_left_alone_and_can_be_formatted(void **state)
{
        int fd = temp_file();

        stderr_to(fd);
        errno = ENOBUFS;
        log_notice("sending: %m");
        assert_int_equal(errno, ENOBUFS);
        assert_non_null(strstr(text_of(fd), "sending: No buffer space available\n"));
        close(fd);
}

struct reader {
        pthread_t thread;
        int fd;
        long lines, said_missing, next;
        bool in_order;
};

/* Lines are "... line NUMBER ..."; a gap must be announced, with its size, where it is. */
static void *read_lines(void *arg)
{
        struct reader *r = arg;
        FILE *f = fdopen(r->fd, "r");
        char line[2048];
        long number, lost;

        while (fgets(line, sizeof(line), f)) {
                char *text = strstr(line, "vipd: ");

                if (!text) {
                        r->in_order = false;
                } else if (sscanf(text, "vipd: warning: %ld lines are missing", &lost) == 1) {
                        r->said_missing += lost;
                        r->next += lost;
                } else if (sscanf(text, "vipd: line %ld", &number) == 1) {
                        r->lines++;
                        r->in_order = r->in_order && number == r->next;
                        r->next = number + 1;
                }
        }
        fclose(f);
        return NULL;
}

/* 20 000 lines of about 500 bytes are 10 MB: neither a pipe nor the queue (0.5 MB) holds them. */
static void a_pipe_that_nobody_reads_holds_nobody_up(void **state)
{
        uint64_t before = log_dropped();
        struct reader r = {.in_order = true};
        char filler[450];
        int ends[2];

        memset(filler, '.', sizeof(filler) - 1);
        filler[sizeof(filler) - 1] = '\0';
        assert_int_equal(pipe(ends), 0);
        stderr_to(ends[1]);
        close(ends[1]);
        assert_int_equal(log_start_writer(), 0);
        alarm(60); /* a blocked caller ends the test */
        for (int i = 0; i < 20000; i++)
                log_notice("line %d %s", i, filler);
        alarm(0);
        assert_true(log_dropped() - before > 10000);

        r.fd = ends[0];
        assert_int_equal(pthread_create(&r.thread, NULL, read_lines, &r), 0);
        log_stop_writer();
        dup2(real_stderr, STDERR_FILENO); /* the reader sees the end */
        pthread_join(r.thread, NULL);
        assert_true(r.in_order);
        assert_true(r.lines > 500);
        assert_int_equal(r.said_missing, log_dropped() - before);
        assert_int_equal(r.lines + r.said_missing, 20000);
}

static void the_thread_keeps_lines_and_appends_in_order(void **state)
{
        char expected[64 * 1024] = "", record[32];
        int fd = temp_file(), appended = temp_file();

        stderr_to(fd);
        assert_int_equal(log_start_writer(), 0);
        for (int i = 0; i < 1000; i++) {
                snprintf(record, sizeof(record), "{\"id\":%d}\n", i);
                strcat(expected, record);
                assert_int_equal(log_append(appended, record, strlen(record)), 0);
                if (i % 100 == 0)
                        log_notice("mark %d", i);
        }
        log_stop_writer();
        assert_string_equal(text_of(appended), expected);
        assert_true(strstr(text_of(fd), "mark 0\n") < strstr(text_of(fd), "mark 900\n"));
        close(fd);
        close(appended);
}

static void a_file_is_closed_after_what_was_appended_to_it(void **state)
{
        int fd = temp_file(), copy = dup(fd);

        stderr_to(real_stderr);
        assert_int_equal(log_start_writer(), 0);
        assert_int_equal(log_append(fd, "last\n", 5), 0);
        assert_int_equal(log_close(fd), 0);
        log_stop_writer();
        assert_string_equal(text_of(copy), "last\n");
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        close(copy);
}

static void lines_on_a_full_disk_are_counted_and_told_later(void **state)
{
        uint64_t before = log_dropped();
        int full = open("/dev/full", O_WRONLY), fd = temp_file();

        assert_true(full >= 0);
        stderr_to(full);
        assert_int_equal(log_start_writer(), 0);
        log_notice("one");
        log_notice("two");
        log_stop_writer();
        assert_int_equal(log_dropped() - before, 2);
        stderr_to(fd);
        log_notice("three");
        assert_non_null(strstr(text_of(fd), "three\n"));
        assert_non_null(strstr(text_of(fd), "2 lines before this one could not be written"));
        assert_int_equal(log_dropped() - before, 2);
        close(full);
        close(fd);
}

static void appends_to_a_full_disk_are_counted_and_said_once(void **state)
{
        uint64_t before = log_dropped();
        int full = open("/dev/full", O_WRONLY), fd = temp_file();
        const char *said;

        stderr_to(fd);
        assert_int_equal(log_start_writer(), 0);
        for (int i = 0; i < 5; i++)
                assert_int_equal(log_append(full, "x", 1), 0);
        log_stop_writer();
        assert_int_equal(log_dropped() - before, 5);
        said = strstr(text_of(fd), "cannot append to a file");
        assert_non_null(said);
        assert_null(strstr(said + 1, "cannot append"));
        close(full);
        close(fd);
}

/* A limit of 100 bytes: the first record of 60 fits, the second stops after 40 and is taken back.
 */
static void a_record_that_fails_half_way_leaves_no_trace(void **state)
{
        uint64_t before = log_dropped();
        int sink = temp_file(), fd = temp_file();
        struct rlimit old, small;
        char record[60];
        struct stat st;

        memset(record, 'r', sizeof(record));
        getrlimit(RLIMIT_FSIZE, &old);
        small = (struct rlimit){100, old.rlim_max};
        signal(SIGXFSZ, SIG_IGN);
        stderr_to(sink);
        setrlimit(RLIMIT_FSIZE, &small);
        log_append(fd, record, sizeof(record));
        log_append(fd, record, sizeof(record));
        log_append(fd, record, 40);
        setrlimit(RLIMIT_FSIZE, &old);
        fstat(fd, &st);
        assert_int_equal(st.st_size, 100);        /* 60 and the 40 that fitted again */
        assert_true(log_dropped() - before >= 1); /* and perhaps the line about it */
        close(fd);
        close(sink);
}

static void an_oversized_append_is_refused(void **state)
{
        static char big[LOG_APPEND_MAX + 1];

        assert_int_equal(log_append(STDOUT_FILENO, big, sizeof(big)), -EMSGSIZE);
}

/* In a child, because the log is given up for good there. */
static void the_end_does_not_wait_for_ever_for_a_reader(void **state)
{
        uint64_t before = log_dropped();
        int ends[2], status;
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
                alarm(30);
                stderr_to(ends[1]);
                if (log_start_writer() != 0)
                        _exit(1);
                for (int i = 0; i < 1000; i++)
                        log_notice("%0200d", i); /* 200 kB: more than the pipe's 64 kB */
                if (log_dropped() != before)
                        _exit(2);
                log_stop_writer();
                if (log_dropped() - before < 100)
                        _exit(3);
                log_notice("nobody will see this");
                _exit(log_append(ends[1], "x", 1) == -ENOBUFS ? 0 : 4);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(ends[0]);
        close(ends[1]);
}

static void a_line_that_a_peer_can_cause_passes_once_a_minute(void **state)
{
        struct log_limit limit = {0};
        mono_t t = {5};
        uint64_t withheld = 99;

        assert_true(log_limit_pass(&limit, t, &withheld));
        assert_int_equal(withheld, 0);
        assert_false(log_limit_pass(&limit, mono_add_us(t, 1), &withheld));
        assert_false(log_limit_pass(&limit, mono_add_us(t, 60 * US_PER_S - 1), &withheld));
        assert_true(log_limit_pass(&limit, mono_add_us(t, 60 * US_PER_S), &withheld));
        assert_int_equal(withheld, 2);
}

/* The variable is inherited by programs whose stderr was redirected: only the same socket counts.
 */
static void the_journal_is_known_by_device_and_inode(void **state)
{
        bool socket = access("/run/systemd/journal/socket", W_OK) == 0;
        int fd = temp_file();
        char text[64];
        struct stat st;

        fstat(fd, &st);
        snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino + 1);
        setenv("JOURNAL_STREAM", text, 1);
        stderr_to(fd);
        assert_false(log_sink_is_journal());
        log_notice("as text");
        assert_non_null(strstr(text_of(fd), "Z vipd: as text\n"));

        snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        setenv("JOURNAL_STREAM", text, 1);
        stderr_to(fd);
        assert_int_equal(log_sink_is_journal(), socket);
        if (!socket) { /* then the stream is fed, with the level in front */
                log_warning("as stream");
                assert_non_null(strstr(text_of(fd), "\n<4>as stream\n"));
        }
        close(fd);
}

/* One datagram of the journal's native protocol: FIELD=value lines. */
static void receive_at_journal(int fd, char *text, size_t size)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 10000) == 1 ? recv(fd, text, size - 1, 0) : 0;

        text[n > 0 ? n : 0] = '\0';
}

/* A journal of our own, seen in the mount namespace of this process alone. @return its socket or -1
 */
static int own_journal(void)
{
        struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
            mkdir("/run/systemd/journal", 0755) < 0 ||
            bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
                return -1;
        return fd;
}

/* In a child with its own /run. @return its exit status: 0 good, 77 no right to mount */
static int speak_to_journal(void)
{
        const struct log_about about = {.group = "web", .iface = "eth0", .cause = "check"};
        int journal = own_journal(), fd = temp_file();
        char text[4096];
        struct stat st;

        if (journal < 0)
                return 77;
        fstat(fd, &st);
        snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        setenv("JOURNAL_STREAM", text, 1);
        stderr_to(fd);
        if (!log_sink_is_journal() || log_start_writer() < 0)
                return 1;
        log_write(LOG_WARNING, &about, "in fault since %d s", 3);
        log_stop_writer();
        receive_at_journal(journal, text, sizeof(text));
        if (!strstr(text, "MESSAGE=web: in fault since 3 s\n") || !strstr(text, "PRIORITY=4\n") ||
            !strstr(text, "SYSLOG_IDENTIFIER=vipd\n") || !strstr(text, "VIP_GROUP=web\n") ||
            !strstr(text, "VIP_IFACE=eth0\n") || !strstr(text, "VIP_CAUSE=check\n") ||
            strstr(text, "VIP_PEER"))
                return 2;
        return *text_of(fd) ? 3 : 0; /* nothing on stderr as well */
}

static void the_journal_gets_fields(void **state)
{
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(speak_to_journal());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(a_line_of_text_has_time_program_and_level, restore),
                cmocka_unit_test_teardown(lines_above_the_level_are_not_written, restore),
                cmocka_unit_test_teardown(levels_have_names, restore),
                cmocka_unit_test_teardown(bytes_of_a_peer_cannot_forge_a_line, restore),
                cmocka_unit_test_teardown(a_line_that_is_too_long_is_cut_with_dots, restore),
                cmocka_unit_test_teardown(errno_is_left_alone_and_can_be_formatted, restore),
                cmocka_unit_test_teardown(a_pipe_that_nobody_reads_holds_nobody_up, restore),
                cmocka_unit_test_teardown(the_thread_keeps_lines_and_appends_in_order, restore),
                cmocka_unit_test_teardown(a_file_is_closed_after_what_was_appended_to_it, restore),
                cmocka_unit_test_teardown(lines_on_a_full_disk_are_counted_and_told_later, restore),
                cmocka_unit_test_teardown(appends_to_a_full_disk_are_counted_and_said_once,
                                          restore),
                cmocka_unit_test_teardown(a_record_that_fails_half_way_leaves_no_trace, restore),
                cmocka_unit_test_teardown(an_oversized_append_is_refused, restore),
                cmocka_unit_test_teardown(the_end_does_not_wait_for_ever_for_a_reader, restore),
                cmocka_unit_test_teardown(a_line_that_a_peer_can_cause_passes_once_a_minute,
                                          restore),
                cmocka_unit_test_teardown(the_journal_is_known_by_device_and_inode, restore),
                cmocka_unit_test_teardown(the_journal_gets_fields, restore),
        };

        real_stderr = dup(STDERR_FILENO);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
