noinst_LIBRARIES += %D%/libkafka.a
%C%_libkafka_a_SOURCES = \
  %D%/kafka.h %D%/conf.c %D%/conf.h %D%/errors.def \
  %D%/acked.c %D%/acked.h \
  %D%/partition.c %D%/partition.h \
  %D%/producer.c %D%/producer.h \
  %D%/statistics.c %D%/statistics.h \
  %D%/topic.c %D%/topic.h \
  %D%/topic_check.c %D%/topic_check.h %D%/topic_risks.def \
  %D%/topic_guard.c %D%/topic_guard.h \
  %D%/consumer.c %D%/consumer.h
%C%_libkafka_a_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS) $(JANSSON_CFLAGS)
EXTRA_DIST += %D%/README.md
