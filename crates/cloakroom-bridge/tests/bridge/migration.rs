//! From one factory to another, in a rolling deployment.
