noinst_LIBRARIES += %D%/libobjectives.a
%C%_libobjectives_a_SOURCES =
