//! Tests made of cases: one for each runtime, or for each pair of them.
//!
//! A case is a generic `async fn`. What is not listed in one of these is never run, and the compiler says so.

/// Runs each case with the gateway or the connector of either runtime.
macro_rules! on_both {
    ($($case:ident,)+) => {$(
        mod $case {
            #[tokio::test]
            async fn tokio() {
                super::$case::<crate::harness::Tokio>().await;
            }

            #[tokio::test]
            async fn async_std() {
                super::$case::<crate::harness::AsyncStd>().await;
            }
        }
    )+};
}

/// Runs each case with a gateway of either runtime before a connector of either.
macro_rules! crossed {
    ($($case:ident,)+) => {$(
        mod $case {
            use crate::harness::{AsyncStd, Tokio};

            #[tokio::test]
            async fn tokio_to_tokio() {
                super::$case::<Tokio, Tokio>().await;
            }

            #[tokio::test]
            async fn tokio_to_async_std() {
                super::$case::<Tokio, AsyncStd>().await;
            }

            #[tokio::test]
            async fn async_std_to_tokio() {
                super::$case::<AsyncStd, Tokio>().await;
            }

            #[tokio::test]
            async fn async_std_to_async_std() {
                super::$case::<AsyncStd, AsyncStd>().await;
            }
        }
    )+};
}
