//! The record channel (SE-37, section 9): one sequence of records each way, for whatever wants a connection.
