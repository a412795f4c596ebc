/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of tests/conf: each in good/ loads, each in bad/ yields exactly the
 * lines of its .err file. In files and messages @TMP@ stands for a folder with
 * secrets of several kinds and @VERSION@ for the version. CORPUS_WRITE=1 writes
 * the .err files anew, to be read before they are committed.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/config.h"

static char secrets[] = "/tmp/vipring-corpus.XXXXXX";

static const struct {
        const char *name, *content;
        mode_t mode;
} secret_files[] = {
        {"good", "hunter2\n", 0600},         {"wide", "hunter2\n", 0644},
        {"long", "hunter2-hunter2\n", 0600}, {"empty", "\n", 0600},
        {"lines", "one\ntwo\n", 0600},
};

static char *text_of(const char *path)
{
        CLEANUP(fclosep) FILE *from = fopen(path, "r");
        char *text = NULL;
        size_t room = 0;
        ssize_t n;

        if (!from)
                return NULL;
        n = getdelim(&text, &room, EOF, from);
        if (n < 0) { /* an empty file */
                free(text);
                return strdup("");
        }
        return text;
}

/** Length of a file that may hold NUL bytes. */
static size_t size_of(const char *path)
{
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return (size_t)st.st_size;
}

/** A copy of the bytes with every `from` replaced by `to`; with a NUL behind it. */
static char *replaced(const char *bytes, size_t len, const char *from, const char *to,
                      size_t *ret_len)
{
        char *out = NULL;
        size_t n_from = strlen(from), done = 0;
        FILE *stream = open_memstream(&out, ret_len);

        assert_non_null(stream);
        while (done < len) {
                const char *hit = memmem(bytes + done, len - done, from, n_from);
                size_t until = hit ? (size_t)(hit - bytes) : len;

                fwrite(bytes + done, 1, until - done, stream);
                done = until;
                if (hit) {
                        fputs(to, stream);
                        done += n_from;
                }
        }
        fclose(stream);
        return out;
}

/** As in the .err files: without the folder, the secrets' folder and the version. */
static char *stable(char *text, const char *folder)
{
        const char *const pairs[][2] = {
                {folder, ""}, {secrets, "@TMP@"}, {PACKAGE_VERSION, "@VERSION@"}};

        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
                size_t len;
                char *next = replaced(text, strlen(text), pairs[i][0], pairs[i][1], &len);

                free(text);
                text = next;
        }
        return text;
}

/** Load one file of the corpus. @return what was found, as printed; *ret_r as config_load() */
static char *findings(const char *folder, const char *path, int *ret_r)
{
        CLEANUP(freep) char *raw = text_of(path);
        CLEANUP(freep) char *text = NULL;
        struct config *c = NULL;
        struct conf_errors errors;
        char *out = NULL;
        size_t len;
        FILE *stream = open_memstream(&out, &len);

        assert_non_null(raw);
        text = replaced(raw, size_of(path), "@TMP@", secrets, &len);
        *ret_r = config_load_text(path, text, len, &c, &errors);
        assert_true((*ret_r == 0) == (c != NULL));
        assert_true((*ret_r == -EINVAL) == (errors.n > 0));
        config_free(c);
        conf_errors_print(&errors, stream);
        conf_errors_clear(&errors);
        fclose(stream);
        return stable(out, folder);
}

static int is_conf(const struct dirent *e)
{
        size_t len = strlen(e->d_name);

        return len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

static void write_text(const char *path, const char *text)
{
        FILE *to = fopen(path, "w");

        assert_non_null(to);
        fputs(text, to);
        fclose(to);
}

/** @return 1 if the file does not do what is expected of it */
static int judge(const char *folder, const char *name, int expected_r)
{
        char path[PATH_MAX], err_path[PATH_MAX];
        CLEANUP(freep) char *found = NULL;
        CLEANUP(freep) char *expected = NULL;
        int r;

        snprintf(path, sizeof(path), "%s%s", folder, name);
        snprintf(err_path, sizeof(err_path), "%.*s.err", (int)strlen(path) - 5, path);
        found = findings(folder, path, &r);
        if (getenv("CORPUS_WRITE") && (*found || expected_r))
                write_text(err_path, found);
        expected = text_of(err_path);
        if (r == expected_r && strcmp(found, expected ? expected : "") == 0)
                return 0;
        print_error("%s: returned %d, expected %d\n--- expected:\n%s--- found:\n%s\n", name, r,
                    expected_r, expected ? expected : "(no .err file)\n", found);
        return 1;
}

static void judge_folder(const char *sub, int expected_r, int at_least)
{
        const char *srcdir = getenv("srcdir");
        struct dirent **names;
        char folder[512];
        int n, failed = 0;

        snprintf(folder, sizeof(folder), "%s/tests/conf/%s/", srcdir ? srcdir : ".", sub);
        n = scandir(folder, &names, is_conf, alphasort);
        assert_true(n >= at_least);
        for (int i = 0; i < n; i++) {
                failed += judge(folder, names[i]->d_name, expected_r);
                free(names[i]);
        }
        free(names);
        assert_int_equal(failed, 0);
}

static void every_good_file_loads(void **state)
{
        judge_folder("good", 0, 9);
}

static void every_broken_file_is_refused_with_its_messages(void **state)
{
        judge_folder("bad", -EINVAL, 200);
}

static int make_secrets(void **state)
{
        if (!mkdtemp(secrets))
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(secret_files); i++) {
                char path[PATH_MAX];

                snprintf(path, sizeof(path), "%s/%s", secrets, secret_files[i].name);
                write_text(path, secret_files[i].content);
                if (chmod(path, secret_files[i].mode) < 0)
                        return -1;
        }
        return 0;
}

static int remove_secrets(void **state)
{
        for (size_t i = 0; i < ARRAY_SIZE(secret_files); i++) {
                char path[PATH_MAX];

                snprintf(path, sizeof(path), "%s/%s", secrets, secret_files[i].name);
                unlink(path);
        }
        return rmdir(secrets);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_good_file_loads),
                cmocka_unit_test(every_broken_file_is_refused_with_its_messages),
        };

        return cmocka_run_group_tests(tests, make_secrets, remove_secrets);
}
