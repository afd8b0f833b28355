const { API, CONTRACT } = process.env;

export default {
  [API]: {
    input: CONTRACT,
    output: { client: "fetch", target: `${API}.ts`, baseUrl: { runtime: "process.env.WORKFLOW_MOCK_URL" } },
  },
};
