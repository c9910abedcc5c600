//! Development only: virtual network, scripted clients, builders.
