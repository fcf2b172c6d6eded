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

/// One test a room, which tells its stories side by side: for a store that takes its time until it is ready.
#[doc(hidden)]
#[macro_export]
macro_rules! __rooms {
    ($factory:ident $($feature:ident { $($room:ident { $($story:ident)* })* })*) => {$(
        mod $feature {$(
            #[test]
            fn $room() {
                $crate::tell_side_by_side(&[$((stringify!($story), || {
                    $crate::block_on(async {
                        let fresh = super::$factory().await;
                        $crate::tell($crate::$feature::$room::$story(fresh.shop())).await;
                    });
                })),*]);
            }
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
