/* Finding the end of an INSERT's head. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/statement.h"

#include <stdint.h>
#include <strings.h>

enum token_kind {
    TOKEN_END,  /* of the text */
    TOKEN_CUT,  /* the text ends inside or right behind the token, and more may follow */
    TOKEN_WORD, /* a bare identifier or keyword, or a number */
    TOKEN_QUOTED,
    TOKEN_OPEN,  /* ( [ { */
    TOKEN_CLOSE, /* ) ] } */
    TOKEN_OTHER,
};

struct lexer {
    const char *at;
    const char *end;
    bool complete; /* nothing follows `end` */
};

struct token {
    enum token_kind kind;
    struct slice text;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

static bool starts_with(const struct lexer *lexer, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(lexer->end - lexer->at) >= size && memcmp(lexer->at, text, size) == 0;
}

/* Skips to behind `mark`, or to the end. */
static void skip_past(struct lexer *lexer, const char *mark)
{
    const char *found = memmem(lexer->at, (size_t)(lexer->end - lexer->at), mark, strlen(mark));
    lexer->at = found != NULL ? found + strlen(mark) : lexer->end;
}

static void skip_blank(struct lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (is_space(*lexer->at))
            lexer->at++;
        else if (starts_with(lexer, "--") || starts_with(lexer, "#!") || starts_with(lexer, "# "))
            skip_past(lexer, "\n");
        else if (starts_with(lexer, "/*"))
            skip_past(lexer, "*/");
        else
            return;
    }
}

/* Behind the closing quote, or at the end. A quote inside is doubled or follows a backslash; a
 * doubled one reads as two quoted tokens in a row, which makes no difference here. */
static void skip_quoted(struct lexer *lexer)
{
    char quote = *lexer->at++;
    while (lexer->at < lexer->end && *lexer->at != quote)
        lexer->at += *lexer->at == '\\' && lexer->at + 1 < lexer->end ? 2 : 1;
    if (lexer->at < lexer->end)
        lexer->at++;
}

static struct token next(struct lexer *lexer)
{
    skip_blank(lexer);
    const char *start = lexer->at;
    if (start == lexer->end)
        return (struct token){lexer->complete ? TOKEN_END : TOKEN_CUT, {start, 0}};

    enum token_kind kind = TOKEN_OTHER;
    if (is_word(*start)) {
        kind = TOKEN_WORD;
        while (lexer->at < lexer->end && is_word(*lexer->at))
            lexer->at++;
    } else if (*start == '\'' || *start == '"' || *start == '`') {
        kind = TOKEN_QUOTED;
        skip_quoted(lexer);
    } else {
        lexer->at++;
        if (strchr("([{", *start) != NULL)
            kind = TOKEN_OPEN;
        else if (strchr(")]}", *start) != NULL)
            kind = TOKEN_CLOSE;
    }
    /* What touches the end may go on behind it: FORMAT Nat|ive, -|- comment. */
    if (lexer->at == lexer->end && !lexer->complete)
        kind = TOKEN_CUT;
    return (struct token){kind, {start, (size_t)(lexer->at - start)}};
}

static bool is_keyword(struct token token, const char *word)
{
    return token.kind == TOKEN_WORD && token.text.size == strlen(word) &&
           strncasecmp(token.text.data, word, token.text.size) == 0;
}

static bool is_sign(struct token token, char sign)
{
    return token.kind >= TOKEN_OPEN && token.text.data[0] == sign;
}

static struct token peek(const struct lexer *lexer)
{
    struct lexer ahead = *lexer;
    return next(&ahead);
}

/* Skips one thing that may have brackets: name, 'text', [1, 2], {parameter:Identifier}. False when
 * the text ends in it. */
static bool skip_item(struct lexer *lexer)
{
    int depth = 0;
    do {
        struct token token = next(lexer);
        if (token.kind == TOKEN_CUT || token.kind == TOKEN_END)
            return false;
        depth += token.kind == TOKEN_OPEN ? 1 : token.kind == TOKEN_CLOSE ? -1 : 0;
    } while (depth > 0);
    return true;
}

/* INSERT is read; skips INTO, TABLE, FUNCTION and the name, which may read like a keyword. */
static bool skip_target(struct lexer *lexer)
{
    static const char *const words[] = {"INTO", "TABLE", "FUNCTION"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (is_keyword(peek(lexer), words[i]))
            (void)next(lexer);
    }
    if (!skip_item(lexer))
        return false;
    while (is_sign(peek(lexer), '.')) {
        (void)next(lexer);
        if (!skip_item(lexer))
            return false;
    }
    return true;
}

/* Skips `SETTINGS name = value, …` when it is next. False when more text is needed to tell. */
static bool skip_settings(struct lexer *lexer, struct slice *ret_settings)
{
    *ret_settings = (struct slice){lexer->at, 0};
    /* Compared byte by byte, because what follows may be binary data. */
    struct lexer ahead = *lexer;
    while (ahead.at < ahead.end && is_space(*ahead.at))
        ahead.at++;
    size_t size = (size_t)(ahead.end - ahead.at);
    size_t compared = size < strlen("SETTINGS") ? size : strlen("SETTINGS");
    if (strncasecmp(ahead.at, "SETTINGS", compared) != 0)
        return true;
    if (compared < strlen("SETTINGS"))
        return ahead.complete;

    const char *start = ahead.at;
    (void)next(&ahead);
    do {
        struct token name = next(&ahead);
        struct token sign = next(&ahead);
        if (name.kind == TOKEN_CUT || sign.kind == TOKEN_CUT)
            return false;
        if (name.kind != TOKEN_WORD || !is_sign(sign, '='))
            return true; /* data that begins with the word */
        if (is_sign(peek(&ahead), '-'))
            (void)next(&ahead);
        if (!skip_item(&ahead))
            return ahead.complete;
        *lexer = ahead;
        *ret_settings = (struct slice){start, (size_t)(ahead.at - start)};
    } while (is_sign(next(&ahead), ','));
    return true;
}

/* Between the format and its data: spaces, then one line break. False when it may still come. */
static bool skip_line_break(struct lexer *lexer)
{
    while (lexer->at < lexer->end && (*lexer->at == ' ' || *lexer->at == '\t'))
        lexer->at++;
    if (lexer->at < lexer->end && *lexer->at == '\r')
        lexer->at++;
    if (lexer->at == lexer->end)
        return lexer->complete;
    if (*lexer->at == '\n')
        lexer->at++;
    return true;
}

/* FORMAT or VALUES is read, as `keyword`. */
static enum statement_kind parse_format(struct lexer *lexer, struct slice text,
                                        struct token keyword, struct statement *statement)
{
    statement->head = (struct slice){text.data, (size_t)(keyword.text.data - text.data)};
    if (is_keyword(keyword, "VALUES")) {
        statement->format = SLICE("Values");
        statement->settings = (struct slice){0};
    } else {
        struct token name = next(lexer);
        if (name.kind == TOKEN_CUT)
            return STATEMENT_MORE;
        if (name.kind != TOKEN_WORD)
            return STATEMENT_QUERY; /* the engine says what is wrong with it */
        statement->format = name.text;
        if (!skip_settings(lexer, &statement->settings) || !skip_line_break(lexer))
            return STATEMENT_MORE;
    }
    statement->data = (size_t)(lexer->at - text.data);
    return STATEMENT_DATA;
}

/* INSERT … SELECT: only FROM input(…) takes data. */
static enum statement_kind parse_select(struct lexer *lexer)
{
    for (struct token token; (token = next(lexer)).kind != TOKEN_END;) {
        if (token.kind == TOKEN_CUT)
            return STATEMENT_MORE;
        if (is_keyword(token, "input") && is_sign(peek(lexer), '('))
            return STATEMENT_INPUT;
    }
    return STATEMENT_QUERY;
}

static enum statement_kind parse(struct lexer *lexer, struct slice text,
                                 struct statement *statement)
{
    struct token token = next(lexer);
    if (token.kind == TOKEN_CUT)
        return STATEMENT_MORE;
    if (!is_keyword(token, "INSERT"))
        return STATEMENT_QUERY;
    if (!skip_target(lexer))
        return lexer->complete ? STATEMENT_QUERY : STATEMENT_MORE;

    int depth = 0;
    for (;;) {
        token = next(lexer);
        if (token.kind == TOKEN_CUT)
            return STATEMENT_MORE;
        if (token.kind == TOKEN_END || is_keyword(token, "INFILE"))
            return STATEMENT_QUERY;
        if (is_keyword(token, "SELECT") || is_keyword(token, "WITH"))
            return parse_select(lexer);
        if (depth == 0 && (is_keyword(token, "FORMAT") || is_keyword(token, "VALUES")))
            return parse_format(lexer, text, token, statement);
        depth += token.kind == TOKEN_OPEN ? 1 : token.kind == TOKEN_CLOSE ? -1 : 0;
    }
}

void statement_parse(struct slice text, bool complete, struct statement *ret_statement)
{
    struct lexer lexer = {text.data, text.data + text.size, complete};
    *ret_statement = (struct statement){0};
    ret_statement->kind = parse(&lexer, text, ret_statement);
}

struct slice statement_output_format(struct slice text)
{
    struct lexer lexer = {text.data, text.data + text.size, true};
    struct slice format = {0};
    int depth = 0;
    for (struct token token; (token = next(&lexer)).kind != TOKEN_END;) {
        depth += token.kind == TOKEN_OPEN ? 1 : token.kind == TOKEN_CLOSE ? -1 : 0;
        if (depth == 0 && is_keyword(token, "FORMAT") && peek(&lexer).kind == TOKEN_WORD)
            format = peek(&lexer).text;
    }
    return format;
}

void statement_restore_query_ids(struct slice text, struct buf *out)
{
    static const char subquery[] =
        "(SELECT * REPLACE (if(startsWith(Settings['log_comment'], '" STATEMENT_QUERY_ID_MARK
        "'), substring(Settings['log_comment'], length('" STATEMENT_QUERY_ID_MARK
        "') + 1), query_id) AS query_id) FROM system.processes)";
    struct lexer lexer = {text.data, text.data + text.size, true};
    const char *copied = text.data;
    for (struct token token; (token = next(&lexer)).kind != TOKEN_END;) {
        if (!is_keyword(token, "system"))
            continue;
        struct lexer ahead = lexer;
        if (!is_sign(next(&ahead), '.') || !is_keyword(next(&ahead), "processes"))
            continue;
        buf_append(out, copied, (size_t)(token.text.data - copied));
        buf_append_str(out, subquery);
        copied = lexer.at = ahead.at;
    }
    buf_append(out, copied, (size_t)(lexer.end - copied));
}
