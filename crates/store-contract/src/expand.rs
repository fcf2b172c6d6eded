//! What becomes of the list of stories: tests, or names.

/// One test a story.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($factory:ident $($feature:ident { $($room:ident { $($story:ident)* })* })*) => {$(
        mod $feature {$(
            mod $room {$(
                #[$crate::tokio::test(flavor = "multi_thread", crate = "slippers_store_contract::tokio")]
                async fn $story() {
                    let fresh = super::super::$factory().await;
                    $crate::tell($crate::$feature::$room::$story(fresh.shop())).await;
                }
            )*}
        )*}
    )*};
}

/// The names, as (room, story).
#[doc(hidden)]
#[macro_export]
macro_rules! __names {
    ($_factory:ident $($feature:ident { $($room:ident { $($story:ident)* })* })*) => {
        [$($($((concat!(stringify!($feature), "/", stringify!($room)), stringify!($story)),)*)*)*]
    };
}
