noinst_LIBRARIES += %D%/libhandlers.a
%C%_libhandlers_a_SOURCES = \
  %D%/events.c %D%/events.h \
  %D%/events_answer.c \
  %D%/problem.c %D%/problem.h
%C%_libhandlers_a_CPPFLAGS = $(AM_CPPFLAGS)
EXTRA_DIST += %D%/README.md
