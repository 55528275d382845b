//! What holds for the program as a whole, one module for each promise.

mod floors;
