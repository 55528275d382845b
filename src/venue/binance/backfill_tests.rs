//! Backfill, question by question.
