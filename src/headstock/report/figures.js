"use strict";

// Figures: one set of data, dressed for light or dark, wide or narrow, and dressed anew when that changes.
// Shared by the report, which holds its data, and the dashboard, which fetches it.
function figureDrawer(templates) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 700px)");
  const config = {
    responsive: true,
    displaylogo: false,
    showSendToCloud: false, // what is in a report stays in it
    plotlyServerURL: "",
    modeBarButtonsToRemove: ["select2d", "lasso2d"],
  };

  function dress(layout) {
    const arrangement = layout.meta && layout.meta[narrow.matches ? "narrow" : "wide"];
    return { autosize: true, ...arrangement, template: templates[dark.matches ? "dark" : "light"] };
  }

  // The layout of each place that is on the page.
  const layouts = new Map();
  const redress = (place) =>
    Plotly.relayout(place, dress(layouts.get(place))).then(() => Plotly.Plots.resize(place));
  for (const query of [dark, narrow]) {
    query.addEventListener("change", () => {
      for (const place of layouts.keys()) place.isConnected ? redress(place) : layouts.delete(place);
    });
  }

  return async (place, { data, layout }) => {
    layouts.set(place, layout);
    await Plotly.react(place, data, { ...layout, template: dress(layout).template }, config);
    await redress(place);
  };
}
