/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/conf_lex.h"
#include "lib/conf_value.h"

/** Brackets that are open in an included file: it must close what it opens, and no more. */
struct brackets {
        unsigned depth;
        unsigned line; /* of the outermost open one */
        char open;
};

/** One file while its text is put in place. */
struct part {
        const char *text;
        size_t len;
        unsigned file;  /* index */
        unsigned depth; /* 0: the first file */
        size_t done;    /* bytes already in the source */
        unsigned line;  /* of text[done] */
        struct brackets brackets;
};

static int add_bytes(struct conf_source *s, const char *bytes, size_t len)
{
        char *grown = realloc(s->text, s->len + len + 1);

        if (!grown)
                return -ENOMEM;
        s->text = grown;
        memcpy(s->text + s->len, bytes, len);
        s->len += len;
        s->text[s->len] = '\0';
        for (size_t i = 0; i < len; i++)
                s->lines += bytes[i] == '\n';
        return 0;
}

static int add_span(struct conf_source *s, unsigned file, unsigned line)
{
        struct conf_span *grown = realloc(s->spans, (s->n_spans + 1) * sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        s->spans = grown;
        s->spans[s->n_spans++] = (struct conf_span){.first = s->lines, .file = file, .line = line};
        return 0;
}

static int add_file(struct conf_source *s, const char *path)
{
        s->files[s->n_files] = strdup(path);
        if (!s->files[s->n_files])
                return -ENOMEM;
        s->n_files++;
        return 0;
}

__attribute__((format(printf, 5, 6))) static int fault(const struct conf_source *s,
                                                       struct conf_report *report, unsigned file,
                                                       unsigned line, const char *format, ...)
{
        CLEANUP(freep) char *message = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return -ENOMEM;
        }
        conf_report_add(report, CONF_ERROR, 0, s->files[file], line, "%s", message);
        return -EINVAL;
}

/** Text of [done, until) goes into the source. */
static int flush(struct conf_source *s, struct part *p, size_t until, unsigned line)
{
        int r = add_span(s, p->file, p->line);

        if (r == 0)
                r = add_bytes(s, p->text + p->done, until - p->done);
        p->done = until;
        p->line = line;
        return r;
}

/** Read to the end, at most `max` bytes into a buffer of one more. @return length or -errno */
static ssize_t read_all(int fd, char *text, size_t max)
{
        size_t len = 0;

        for (;;) {
                ssize_t n = read(fd, text + len, max + 1 - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return (ssize_t)len;
                len += (size_t)n;
                if (len > max)
                        return -EFBIG;
        }
}

/** The file is there, is a file and not too large. @return its text, or NULL with `why` set */
static char *slurp(const char *path, size_t max, size_t *ret_len, struct conf_why *why)
{
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        CLEANUP(freep) char *text = NULL;
        char *result = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0) {
                conf_why(why, "%s", strerror(errno));
                return NULL;
        }
        if (!S_ISREG(st.st_mode)) {
                conf_why(why, "it is a %s, not a file",
                         S_ISDIR(st.st_mode) ? "directory" : "device or pipe");
                return NULL;
        }
        text = malloc(max + 1);
        n = text ? read_all(fd, text, max) : -ENOMEM;
        if (n == -EFBIG)
                conf_why(why, "the configuration is larger than %d bytes", CONF_TEXT_MAX);
        else if (n < 0)
                conf_why(why, "%s", strerror((int)-n));
        if (n >= 0) {
                *ret_len = (size_t)n;
                result = text;
                text = NULL;
        }
        return result;
}

/** `name` as seen from the file that names it. */
static char *beside(const char *path, const char *name, size_t name_len)
{
        const char *slash = strrchr(path, '/');
        int folder = slash && name[0] != '/' ? (int)(slash - path) + 1 : 0;
        char *joined;

        if (asprintf(&joined, "%.*s%.*s", folder, path, (int)name_len, name) < 0)
                return NULL;
        return joined;
}

static int add_part(struct conf_source *s, struct part *p, struct conf_report *report);

static int add_included(struct conf_source *s, const struct part *from, const struct conf_token *t,
                        struct conf_report *report)
{
        CLEANUP(freep) char *path = beside(s->files[from->file], t->text + 1, t->len - 2);
        CLEANUP(freep) char *text = NULL;
        struct part p = {.depth = from->depth + 1, .line = 1, .file = s->n_files};
        struct conf_why why;
        int r;

        if (!path)
                return -ENOMEM;
        if (p.depth > CONF_INCLUDE_DEPTH)
                return fault(s, report, from->file, t->line,
                             "files include each other more than %d deep", CONF_INCLUDE_DEPTH);
        if (s->n_files == CONF_FILES_MAX)
                return fault(s, report, from->file, t->line, "more than %d files are included",
                             CONF_FILES_MAX - 1);
        text = slurp(path, CONF_TEXT_MAX - s->len, &p.len, &why);
        if (!text)
                return fault(s, report, from->file, t->line, "cannot include '%s': %s", path,
                             why.text);
        p.text = text;
        r = add_file(s, path);
        return r < 0 ? r : add_part(s, &p, report);
}

static bool starts_line(const struct part *p, const char *at)
{
        while (at > p->text && (at[-1] == ' ' || at[-1] == '\t'))
                at--;
        return at == p->text || at[-1] == '\n';
}

/** At "@include": what stood before it, then the file it names. */
static int include(struct conf_source *s, struct part *p, struct conf_lexer *lexer,
                   const struct conf_token *at, struct conf_report *report)
{
        struct conf_token name;
        int r;

        if (!starts_line(p, at->text))
                return fault(s, report, p->file, at->line,
                             "@include must stand at the start of a line");
        name = conf_lexer_next(lexer);
        if (name.kind != CONF_TOKEN_STRING || name.line != at->line || name.len <= 2 ||
            memchr(name.text, '\\', name.len))
                return fault(s, report, p->file, at->line,
                             "@include wants the name of a file: @include \"groups/web.conf\"");
        r = flush(s, p, (size_t)(at->text - p->text), at->line);
        if (r == 0)
                r = add_bytes(s, "\n", 1);
        if (r == 0)
                r = add_included(s, p, &name, report);
        if (r == 0)
                r = add_bytes(s, "\n", 1);
        p->done = (size_t)(name.text + name.len - p->text);
        return r;
}

static int refuse_nul(const struct conf_source *s, const struct part *p, struct conf_report *report)
{
        const char *nul = memchr(p->text, '\0', p->len);
        unsigned line = 1;

        if (!nul)
                return 0;
        for (const char *c = p->text; c < nul; c++)
                line += *c == '\n';
        return fault(s, report, p->file, line,
                     "this is not a text file: it holds a byte of value 0");
}

static int balance(const struct conf_source *s, struct part *p, const struct conf_token *t,
                   struct conf_report *report)
{
        struct brackets *b = &p->brackets;
        char mark = *t->text;

        if (strchr("{[(", mark)) {
                if (b->depth++ == 0) {
                        b->line = t->line;
                        b->open = mark;
                }
        } else if (strchr("}])", mark)) {
                if (b->depth == 0)
                        return fault(s, report, p->file, t->line,
                                     "this '%c' closes nothing that was opened in this file", mark);
                b->depth--;
        }
        return 0;
}

/** The text is over: what was opened in an included file must be closed there. */
static int end_part(struct conf_source *s, struct part *p, unsigned line,
                    struct conf_report *report)
{
        if (p->depth && p->brackets.depth)
                return fault(s, report, p->file, p->brackets.line,
                             "this '%c' is never closed in this file", p->brackets.open);
        return flush(s, p, p->len, line);
}

static int add_part(struct conf_source *s, struct part *p, struct conf_report *report)
{
        struct conf_lexer lexer = conf_lexer_new(p->text, p->len);
        int r = refuse_nul(s, p, report);

        while (r == 0) {
                struct conf_token t = conf_lexer_next(&lexer);

                if (t.kind == CONF_TOKEN_BAD)
                        return fault(s, report, p->file, t.line, "%s", t.why);
                if (t.kind == CONF_TOKEN_END)
                        return end_part(s, p, t.line, report);
                if (t.kind == CONF_TOKEN_MARK && p->depth)
                        r = balance(s, p, &t, report);
                if (t.kind == CONF_TOKEN_INCLUDE)
                        r = include(s, p, &lexer, &t, report);
        }
        return r;
}

int conf_source_take(struct conf_source *s, const char *path, const char *text, size_t len,
                     struct conf_report *report)
{
        struct part p = {.text = text, .len = len, .line = 1};
        int r;

        *s = (struct conf_source){.lines = 1};
        r = add_file(s, path);
        if (r < 0)
                return r;
        if (len > CONF_TEXT_MAX)
                return fault(s, report, 0, 0, "the configuration is larger than %d bytes",
                             CONF_TEXT_MAX);
        return add_part(s, &p, report);
}

int conf_source_read(struct conf_source *s, const char *path, struct conf_report *report)
{
        CLEANUP(freep) char *text = NULL;
        size_t len = 0;
        struct conf_why why;

        *s = (struct conf_source){.lines = 1};
        text = slurp(path, CONF_TEXT_MAX, &len, &why);
        if (!text) {
                conf_report_add(report, CONF_ERROR, 0, path, 0, "cannot read the configuration: %s",
                                why.text);
                return -EINVAL;
        }
        return conf_source_take(s, path, text, len, report);
}

void conf_source_clear(struct conf_source *s)
{
        for (unsigned i = 0; i < s->n_files; i++)
                free(s->files[i]);
        free(s->spans);
        free(s->text);
        *s = (struct conf_source){0};
}

void conf_source_place(const struct conf_source *s, unsigned line, const char **ret_file,
                       unsigned *ret_line)
{
        unsigned low = 0, high = s->n_spans;

        while (high - low > 1) {
                unsigned middle = (low + high) / 2;

                if (s->spans[middle].first <= line)
                        low = middle;
                else
                        high = middle;
        }
        *ret_file = s->files[s->spans[low].file];
        *ret_line = s->spans[low].line + (line - s->spans[low].first);
}
